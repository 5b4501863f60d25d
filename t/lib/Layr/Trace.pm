package Layr::Trace;

# System calls of running processes, by strace: what was written, synced, renamed, removed and sent, in order.
#
#     my $trace = Layr::Trace->attach([@pids]);        # all of their threads
#     ...
#     my @calls = $trace->calls;                       # detaches
#
# A call: {name, tid, start, end, ret, error, fd (what the first argument is open on), path [..], data}. start and end are
# places in one order of all beginnings and ends: strace sees a call's end before it lets the thread go on, so whatever
# happens because of that end comes after it.

use strict;
use warnings;
use Layr::Test;
use Time::HiRes ();

my $serial = 0;

# Why it can't be done here; '' when it can.
sub missing {
    my $sleep = spawn('sleep', '60');
    my $trace = eval { Layr::Trace->attach([$sleep->pid]) };
    my $why = $trace ? '' : $@;
    $trace->calls if $trace;
    $sleep->kill;
    return $why;
}

my $writing = 'write,pwrite64,writev,pwritev,pwritev2,fdatasync,fsync,sync_file_range,rename,renameat,renameat2,mkdir,mkdirat,unlink,'
    . 'unlinkat,sendto,sendmsg,sendfile';

# calls: others than those that write. delay: so many microseconds before each fdatasync, so that what may overlap does.
sub attach {
    my ($class, $pids, %o) = @_;
    my $file = scratch('trace' . $serial++);
    my @inject = $o{delay} ? ('-e', "inject=fdatasync:delay_enter=$o{delay}") : ();
    my $strace = spawn('strace', '-f', '-ttt', '-yy', '-xx', '-s', '70000', '-o', $file, '-e', 'signal=none', '-e',
        'trace=' . ($o{calls} // $writing), @inject, map { ('-p', $_) } @$pids);
    my $self = bless {file => $file, strace => $strace}, $class;
    wait_for(20, sub { ended($strace->pid) || !grep { !traced($_) } @$pids });
    return $self if !grep { !traced($_) } @$pids;
    die 'strace: ' . $strace->kill('INT')->wait->{err};
}

sub ended { return (eval { read_file("/proc/$_[0]/stat") } // '') !~ /\) [^Z]/ }
sub traced {
    my ($pid) = @_;
    return !grep { eval { read_file($_) } !~ /^TracerPid:\s+[1-9]/m } glob "/proc/$pid/task/*/status";
}

# A call that another thread's came into: its begin and its end.
my $begin = qr/^(\d+)\s+[\d.]+ (\w+)\((.*) <unfinished \.\.\.>$/;
my $end   = qr/^(\d+)\s+[\d.]+ <\.\.\. (\w+) resumed>(.*)\)\s+= (.*)$/;

# A call that strace has not seen the end of when it goes is not told of: until there is none, and nothing new for a while.
sub at_rest {
    my ($file) = @_;
    my $text = read_file($file);
    my %open;
    for (split /\n/, $text) {
        $open{$1} = 1 if /$begin/;
        delete $open{$1} if /$end/;
    }
    return 0 if %open || $text !~ /(?:^|\n)\z/;
    Time::HiRes::sleep(0.1);
    return -s $file == length $text;
}

sub calls {
    my ($self) = @_;
    wait_for(10, sub { at_rest($self->{file}) });
    $self->{strace}->kill('INT')->wait;
    return parse(read_file($self->{file}));
}

sub plain { my ($s) = @_; $s =~ s/\\x([0-9a-f]{2})/chr hex $1/ge; return $s }

# Its arguments and its result, as strace writes them.
sub call {
    my ($tid, $name, $args, $result) = @_;
    my %call = (tid => $tid, name => $name);
    ($call{ret}, $call{error}) = $result =~ /^(-?\d+|\?)(?: (E\w+))?/;
    ($call{fd}) = $args =~ /^\d+<((?:->|[^>])*)>/;
    $call{fd} = plain($call{fd}) =~ s/\(deleted\)$//r if defined $call{fd};
    my @strings = map { plain($_) } $args =~ /"((?:\\x[0-9a-f]{2})*)"/g;
    $call{path} = \@strings;
    $call{data} = join '', @strings;
    return \%call;
}

sub parse {
    my ($text) = @_;
    my (@calls, %open);
    my $at = 0;
    for (split /\n/, $text) {
        $at++;
        if (/$begin/) {
            $open{$1} = [$2, $3, $at];
        } elsif (/$end/) {
            my $begun = delete $open{$1} // next;
            push @calls, {%{call($1, $2, $begun->[1] . $3, $4)}, start => $begun->[2], end => $at};
        } elsif (/^(\d+)\s+[\d.]+ (\w+)\((.*)\)\s+= (.*)$/) {
            push @calls, {%{call($1, $2, $3, $4)}, start => $at, end => $at};
        } elsif (!/ (?:\+\+\+ |--- |<detached|strace: )/) {
            die "a line of strace's that is not understood: $_";
        }
    }
    return sort { $a->{start} <=> $b->{start} } @calls;
}

1;
