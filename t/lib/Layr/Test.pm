package Layr::Test;

# What the Perl tests share: a scratch folder, swarms, programs with time-outs, files with known content, a plain HTTP client
# (curl's command line) and statements signed by an Ed25519 that is not ours (CryptX). A test reads:
#
#     use Layr::Test;
#     my $swarm = Layr::Test->swarm(9);                   # ended and removed when the test ends, however it ends
#     my $r = tool('layr-put', $swarm->hosts, $file);     # $r->{status}, {out}, {err}
#     $swarm->kill(0, 1);
#     my $a = http(GET => $swarm->url(2) . '/v1/node');   # $a->{status}, {header}{etag}, {body}
#     ok($swarm->quiet, 'error logs') or diag($swarm->noise);
#
# LAYR_BUILD: the build's folder (default: build). LAYR_NGINX, LAYR_MODULE: as layr-swarm takes them. LAYR_KEEP=1 leaves
# the scratch folder.

use strict;
use warnings;

use Crypt::Digest::SHA256 ();
use Crypt::PK::Ed25519 ();
use Crypt::Stream::ChaCha ();
use Cwd ();
use Exporter qw(import);
use File::Path ();
use File::Temp ();
use JSON::PP ();
use MIME::Base64 ();
use POSIX ();
use Time::HiRes ();

package main { require 'syscall.ph' }    # SYS_wait4

our @EXPORT = qw(build scratch tool run spawn write_file read_file make_file stream pipe_ends same_file sha256_file sha256_hex random_hex
    b64url unb64url json unjson http sign order orders shard_of owner wait_for);

my $owner_pid = $$;
my ($scratch, $serial, @swarms, @children) = (undef, 0);

$SIG{$_} = sub { exit 130 } for qw(INT TERM HUP PIPE);    # so that END runs, also when prove has gone and nobody reads on

END {
    if ($$ == $owner_pid) {
        my $status = $?;
        $_->kill for @children;
        $_->end  for @swarms;
        File::Path::remove_tree($scratch, {safe => 0}) if defined $scratch && !$ENV{LAYR_KEEP};
        print STDERR "# kept: $scratch\n" if defined $scratch && $ENV{LAYR_KEEP};
        $? = $status;
    }
}

# --- where things are

# A path in the build's folder.
sub build { return join '/', Cwd::abs_path($ENV{LAYR_BUILD} // 'build'), @_ }

# A path in this test's scratch folder, $TMPDIR/layr-test-XXXX.
sub scratch {
    $scratch //= File::Temp::tempdir('layr-test-XXXXXX', DIR => $ENV{TMPDIR} // '/tmp');
    return join '/', $scratch, @_;
}

# --- programs

# Run one of our programs: tool('layr-get', @args), or tool({stdin => .., timeout => .., env => {..}}, 'layr-get', @args).
# Its home is in the scratch folder unless the options say otherwise.
sub tool {
    my $opt = ref $_[0] eq 'HASH' ? shift : {};
    my ($name, @args) = @_;
    return run($opt, build('bin', $name), @args);
}

# Run any program to its end. Gives {status (exit status, or -signal), out, err, seconds, timeout, rss (the most bytes it had
# resident)}.
sub run {
    my $opt = ref $_[0] eq 'HASH' ? shift : {};
    return spawn($opt, @_)->wait;
}

# Start a program and go on; ->wait, ->kill([SIGNAL]), ->pid. Options: stdin (a string), stdin_file, stdout_file, stdin_fh,
# stdout_fh (the ends of pipes, closed here once the program has them), cwd, env, timeout (seconds, 120).
sub spawn {
    my $opt = ref $_[0] eq 'HASH' ? shift : {};
    my @command = @_;
    my $base = scratch('run' . $serial++);
    if (defined $opt->{stdin}) {
        write_file("$base.in", $opt->{stdin});
        $opt = {%$opt, stdin_file => "$base.in"};
    }
    my $self = bless {
        base => $base, timeout => $opt->{timeout} // 120, started => Time::HiRes::time(),
        out => $opt->{stdout_file} // "$base.out", keep_out => defined $opt->{stdout_file},
    }, 'Layr::Test::Process';
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        %ENV = (%ENV, LAYR_HOME => scratch('home'), %{$opt->{env} // {}});
        delete @ENV{grep { !defined $ENV{$_} } keys %ENV};
        ($opt->{stdin_fh}  ? open(STDIN,  '<&', $opt->{stdin_fh})  : open(STDIN,  '<', $opt->{stdin_file} // '/dev/null')) or POSIX::_exit(126);
        ($opt->{stdout_fh} ? open(STDOUT, '>&', $opt->{stdout_fh}) : open(STDOUT, '>', $self->{out})) or POSIX::_exit(126);
        open STDERR, '>', "$base.err"    or POSIX::_exit(126);
        chdir $opt->{cwd}                or POSIX::_exit(126) if defined $opt->{cwd};
        no warnings 'exec';
        exec {$command[0]} @command;
        print STDERR "$command[0]: $!\n";
        POSIX::_exit(127);
    }
    close $_ for grep { defined } @{$opt}{qw(stdin_fh stdout_fh)};
    $self->{pid} = $pid;
    push @children, $self;
    return $self;
}

# --- files

sub write_file {
    my ($path, $bytes) = @_;
    open my $f, '>:raw', $path or die "$path: $!";
    print {$f} $bytes or die "$path: $!";
    close $f or die "$path: $!";
    return $path;
}

sub read_file {
    my ($path) = @_;
    open my $f, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$f> // '';
}

# A file of so many bytes that look random and follow from the seed.
sub make_file {
    my ($path, $size, $seed) = @_;
    my $stream = Crypt::Stream::ChaCha->new(Crypt::Digest::SHA256::sha256($seed // $size), "\0" x 8);
    open my $f, '>:raw', $path or die "$path: $!";
    for (my $left = $size; $left > 0; $left -= 1 << 20) {
        print {$f} $stream->keystream($left < 1 << 20 ? $left : 1 << 20) or die "$path: $!";
    }
    close $f or die "$path: $!";
    return $path;
}

# A program that writes so many bytes which look random and follow from their number, faster than make_file does.
sub stream {
    my ($size) = @_;
    return ('sh', '-c', "openssl enc -aes-128-ctr -K @{[sprintf '%032x', $size]} -iv 00 -in /dev/zero 2>/dev/null | head -c $size");
}

# The ends of a pipe, (to read, to write): for stdin_fh and stdout_fh.
sub pipe_ends {
    pipe my $r, my $w or die "pipe: $!";
    return ($r, $w);
}

sub same_file { return system('cmp', '-s', '--', $_[0], $_[1]) == 0 }

sub sha256_file { return Crypt::Digest::SHA256::sha256_file_hex($_[0]) }
sub sha256_hex  { return Crypt::Digest::SHA256::sha256_hex(@_) }

sub random_hex {
    my ($bytes) = @_;
    open my $f, '<:raw', '/dev/urandom' or die "/dev/urandom: $!";
    sysread($f, my $raw, $bytes) == $bytes or die "/dev/urandom: $!";
    return unpack 'H*', $raw;
}

# Wait until the code gives true, up to so many seconds; its value.
sub wait_for {
    my ($seconds, $code) = @_;
    my $end = Time::HiRes::time() + $seconds;
    my $got;
    Time::HiRes::sleep(0.05) while !($got = $code->()) && Time::HiRes::time() < $end;
    return $got;
}

# --- encodings

sub b64url   { return MIME::Base64::encode_base64url($_[0]) }
sub unb64url { return MIME::Base64::decode_base64url($_[0]) }
sub json     { return JSON::PP->new->canonical->encode($_[0]) }
sub unjson   { return JSON::PP->new->decode($_[0]) }

# --- HTTP

# http(METHOD => $url, header => ['Name: value', ..], body => $bytes or body_file => $path, version => '1.1'|'2'|'h2c',
# timeout => seconds, curl => [more of curl's options]). TLS isn't verified: the hosts' certificates are self-signed, and
# trust is what other tests are about. Gives {status, version, header {lower-case name => value}, body, curl (its exit status), err}.
sub http {
    my ($method, $url, %o) = @_;
    my $base = scratch('http' . $serial++);
    my %version = ('1.1' => '--http1.1', '2' => '--http2', 'h2c' => '--http2-prior-knowledge');
    my @command = ('curl', '-sS', '-k', '--noproxy', '*', '--max-time', $o{timeout} // 30, $version{$o{version} // '2'},
        '-D', "$base.head", '-o', "$base.body", '-w', '%{http_code} %{http_version}');
    push @command, $method eq 'HEAD' ? '-I' : ('-X', $method);
    push @command, '-H', 'Expect:', map { ('-H', $_) } @{$o{header} // []};
    write_file("$base.send", $o{body}) if defined $o{body};
    my $send = defined $o{body} ? "$base.send" : $o{body_file};
    push @command, '--data-binary', '@' . $send if defined $send;
    push @command, '-H', 'Content-Type: application/octet-stream' if !grep { /^content-type:/i } @{$o{header} // []};
    my $r = run({timeout => ($o{timeout} // 30) + 5}, @command, @{$o{curl} // []}, $url);
    my ($status, $protocol) = split ' ', $r->{out};
    my $head = -e "$base.head" ? read_file("$base.head") : '';
    $head =~ s/.*\r\n\r\n(?=HTTP\/)//s;    # of a 100 Continue
    my %header = map { lc($1) => $2 if /^([^:]+):\s*(.*)$/ } grep { /:/ } split /\r\n/, $head;
    my $body = -e "$base.body" && $method ne 'HEAD' ? read_file("$base.body") : '';
    unlink map { "$base.$_" } qw(head body send);
    return {status => $status || 0, version => $protocol, header => \%header, body => $body, curl => $r->{status},
        err => $r->{err}};
}

# --- statements (docs/protocol.md section 5), signed by CryptX

# A key: {seed, public} from 32 bytes or at random.
sub owner {
    my ($seed) = @_;
    $seed //= pack 'H*', random_hex(32);
    my $key = Crypt::PK::Ed25519->new->import_key_raw($seed, 'private');
    return {seed => $seed, public => $key->export_key_raw('public'), key => $key};
}

# A compact JWS. payload: a hash, or a string that is signed as it is. Header members given override or, when undef, remove the usual ones.
sub sign {
    my ($owner, $typ, $payload, %header) = @_;
    my %head = (alg => 'EdDSA', typ => $typ, kid => b64url($owner->{public}), %header);
    delete @head{grep { !defined $head{$_} } keys %head};
    my $input = b64url(json(\%head)) . '.' . b64url(ref $payload ? json($payload) : $payload);
    return "$input." . b64url($owner->{key}->sign_message($input));
}

# An order for a shard {id, size, ..} at a host (its id). Fields given override the usual ones; undef removes.
sub order {
    my ($owner, $host_id, $shard, %field) = @_;
    my $now = time;
    my %order = (v => 1, iat => $now, exp => $now + 86400, order => random_hex(16), host => $host_id, shard => $shard->{id},
        size => "$shard->{size}", group => '00' x 16, audit => b64url("\x58" . "\x66" x 31), price => '0', rail => 'none', %field);
    delete @order{grep { !defined $order{$_} } keys %order};
    return sign($owner, 'layr-order', \%order);
}

# Renew or release orders: orders($owner, $host_id, 'release', [ids], ..fields).
sub orders {
    my ($owner, $host_id, $action, $ids, %field) = @_;
    my $now = time;
    my %orders = (v => 1, iat => $now, exp => $now + 300, host => $host_id, group => '00' x 16, action => $action, orders => $ids,
        ($action eq 'renew' ? (until => $now + 2 * 86400) : ()), %field);
    delete @orders{grep { !defined $orders{$_} } keys %orders};
    return sign($owner, 'layr-orders', \%orders);
}

# A blob of so many blocks that no one can tell from a real one: {id, size, bytes}.
sub shard_of {
    my ($blocks, $seed) = @_;
    my $size  = 4112 * $blocks;
    my $bytes = Crypt::Stream::ChaCha->new(Crypt::Digest::SHA256::sha256($seed // random_hex(16)), "\0" x 8)->keystream($size);
    return {id => sha256_hex($bytes), size => $size, bytes => $bytes};
}

# --- swarms

# Layr::Test->swarm(N, 'layr-swarm start' options..): N hosts that are up. Dies with layr-swarm's words otherwise.
sub swarm {
    my (undef, $n, @options) = @_;
    my $self = bless {dir => scratch('swarm' . $serial++), n => $n}, 'Layr::Test::Swarm';
    push @swarms, $self;
    $self->command('start', '-n', $n, @options);
    return $self;
}

package Layr::Test::Swarm;

sub command {
    my ($self, $what, @args) = @_;
    my $r = Layr::Test::tool('layr-swarm', $what, $self->{dir}, @args);
    die "layr-swarm $what: $r->{err}" if $r->{status} != 0;
    return $r->{out};
}

sub dir    { return $_[0]{dir} }
sub count  { return $_[0]{n} }
sub kill   { my $self = shift; $self->command('kill',   @_); return $self }
sub revive { my $self = shift; $self->command('revive', @_); return $self }
sub stop   { my $self = shift; $self->command('stop');       return $self }
sub start  { my $self = shift; $self->command('start', @_);  return $self }

# Another configuration of host I: its text, or a line more for the host. Until the workers that had the last one are gone,
# what comes by an open connection may still be answered by them.
sub reload {
    my ($self, $i, $conf) = @_;
    my $path = $self->path($i, 'nginx.conf');
    $conf = Layr::Test::read_file($path) =~ s/(?=\n\s*layr_capacity)/\n            $conf/r if $conf !~ /layr_capacity/;
    Layr::Test::write_file($path, $conf);
    my %was = map { $_ => 1 } $self->children($i);
    CORE::kill(HUP => $self->master($i));
    return Layr::Test::wait_for(20, sub { !grep { $was{$_} } $self->children($i) });
}

# Process ids of host I's nginx: the master; the workers and the cache manager.
sub master   { my ($self, $i) = @_; return (Layr::Test::read_file($self->path($i, 'nginx.pid')) =~ /(\d+)/)[0] }
sub children { my ($self, $i) = @_; my $pid = $self->master($i); return split ' ', Layr::Test::read_file("/proc/$pid/task/$pid/children") }

# URL#<host id> of each host; and its two halves for one.
sub urls  { my ($self) = @_; return @{$self->{urls} //= [split /\n/, $self->command('urls')]} }
sub url   { my ($self, $i) = @_; return (($self->urls)[$i] =~ /^([^#]*)/)[0] }
sub id    { my ($self, $i) = @_; return (($self->urls)[$i] =~ /#(.*)$/)[0] }
# -H URL#id .. for all hosts, or those named.
sub hosts { my ($self, @which) = @_; my @all = $self->urls; return map { ('-H', $all[$_]) } @which ? @which : 0 .. $#all }

# A path in host I's folder; the path of a shard in its store; the hosts (numbers) that have a shard.
sub path    { my ($self, $i, @name) = @_; return join '/', $self->{dir}, $i, @name }
sub blob    { my ($self, $i, $id) = @_; return $self->path($i, 'store/shards', substr($id, 0, 2), substr($id, 2, 2), $id) }
sub holders { my ($self, $id) = @_; return grep { -e $self->blob($_, $id) } 0 .. $self->{n} - 1 }
# All shards of a host, as paths.
sub blobs   { my ($self, $i) = @_; my @all = glob($self->path($i, 'store/shards/*/*/*')); return @all }

# Lines of the error logs that must never be there.
sub noise {
    my ($self) = @_;
    my $noise = '';
    for my $i (0 .. $self->{n} - 1) {
        for my $log (map { $self->path($i, $_) } 'error.log', 'start.log') {
            open my $f, '<', $log or next;
            while (<$f>) {
                $noise .= "host $i: $_" if /\[(?:alert|crit|emerg)\]|(?:Address|Leak|Thread)Sanitizer|runtime error:/;
            }
        }
    }
    return $noise;
}
sub quiet { my ($self) = @_; return $self->noise eq '' }

sub end {
    my ($self) = @_;
    return if !-e "$self->{dir}/swarm.json";
    my $r = Layr::Test::tool('layr-swarm', '-q', 'stop', $self->{dir});
    print STDERR "# layr-swarm stop: $r->{err}" if $r->{status} != 0;
    return;
}

# End it now and give its disk space back.
sub remove {
    my ($self) = @_;
    $self->end;
    File::Path::remove_tree($self->{dir}, {safe => 0});
    return;
}

package Layr::Test::Process;

sub pid { return $_[0]{pid} }

# What it wrote; nothing when it was killed before it could.
sub slurp { my ($self, $path) = @_; return -e $path ? Layr::Test::read_file($path) : '' }

sub kill {
    my ($self, $signal) = @_;
    CORE::kill($signal // 'KILL', $self->{pid}) if !$self->{result};
    return $self->wait if !defined $signal || $signal eq 'KILL';
    return $self;
}

# wait4, which perl has no function for: the status, and the child's ru_maxrss (the fifth long of a struct rusage) in bytes.
# What perl had itself before it became that program counts: some 25 MiB.
sub reap {
    my ($pid) = @_;
    my ($status, $usage) = (pack('i', 0), "\0" x 256);
    until (syscall(&main::SYS_wait4, $pid, $status, 0, $usage) == $pid) {
        die "wait4: $!\n" if !$!{EINTR};
    }
    return (unpack('i', $status), 1024 * (unpack 'q5', $usage)[4]);
}

sub wait {
    my ($self) = @_;
    return $self->{result} if $self->{result};
    my ($timeout, $status, $rss) = (0);
    until (eval {
        local $SIG{ALRM} = sub { die "timeout\n" };
        Time::HiRes::alarm($timeout ? 0 : $self->{timeout});
        ($status, $rss) = reap($self->{pid});
        Time::HiRes::alarm(0);
        1;
    }) {
        die $@ if $@ ne "timeout\n";
        $timeout = 1;
        CORE::kill 'KILL', $self->{pid};
    }
    @children = grep { $_ != $self } @children;
    $self->{result} = {
        status => $status & 127 ? -($status & 127) : $status >> 8, timeout => $timeout,
        seconds => Time::HiRes::time() - $self->{started}, rss => $rss,
        out => $self->{keep_out} ? '' : $self->slurp($self->{out}), err => $self->slurp("$self->{base}.err"),
    };
    $self->{result}{err} .= "(killed after $self->{timeout} seconds)\n" if $timeout;
    unlink "$self->{base}.in", "$self->{base}.err", $self->{keep_out} ? () : $self->{out};
    return $self->{result};
}

1;
