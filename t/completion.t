#!/usr/bin/perl
# bash completion: options and commands of every program, from its own --help; files otherwise.
use strict;
use warnings;
use lib 't/lib';
use File::Basename qw(basename);
use Layr::Test;
use Test::More;

# What TAB offers after these words, the last of which is to be completed.
sub offers {
    my ($program, @words) = @_;
    my $r = run('bash', '-c', 'source tools/completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _layr "$1"; printf "%s\n" "${COMPREPLY[@]}"',
        'bash', build("bin/$program"), @words);
    return [sort grep { length } split /\n/, $r->{out}];
}

my @programs = sort map { basename($_) } glob('tools/layr-*.c');
s/\.c$// for @programs;
my ($known) = read_file('tools/completion.bash') =~ /^complete .*-F _layr (.*)$/m;
is_deeply([sort split ' ', $known], \@programs, 'every program is completed');

for my $program (@programs) {
    my $help = run(build("bin/$program"), '--help')->{out};
    my %said = map { $_ => 1 } $help =~ /^ {2,6}(?:-\w, )?(--[a-z-]+)/mg, $help =~ /^ {2}(-\w), --/mg;
    is_deeply(offers($program, '-'), [sort keys %said], "$program: all its options");
}
is_deeply(offers('layr-put', '--up'), ['--update'], 'a beginning of one');
is_deeply(offers('layr-put', 'file', '--da'), ['--days'], 'after other words, too');
is_deeply(offers('layr-key', ''), [qw(id new recover)], 'commands of layr-key');
is_deeply(offers('layr-swarm', ''), [qw(kill revive start status stop urls)], 'commands of layr-swarm');
is_deeply(offers('layr-swarm', 'stop', ''), [], 'a folder follows, which is for bash to complete');
is_deeply(offers('layr-get', ''), [], 'nothing but files where there are no commands');
done_testing;
