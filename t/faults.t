#!/usr/bin/perl
# The fault points are in the build for tests and nowhere else.
use strict;
use warnings;
use lib 't/lib';
use Layr::Fault;
use Layr::Test;
use Test::More;

my @points = (Layr::Fault->points, qw(sqlite.write sqlite.sync));
cmp_ok(scalar @points, '>', 20, 'there are fault points');
is(join(' ', grep { !/^(?:host|put|rm|sqlite|audit|patch|update|renew)\./ } @points), '',
    'of hosts (t/crash.t), of the journal (t/crash-put.t), of audits (t/audits-middle.t), of versions (t/crash-patch.t), of the keeper');

# The names of functions and variables, and every string, also those in the debugger's sections.
sub traces {
    my ($file) = @_;
    my $names = run('nm', $file)->{out} . run('nm', '-D', $file)->{out};
    my $strings = run('strings', '-a', '-n', '6', $file)->{out};
    my %there = map { $_ => 1 } split /\n/, $strings;
    return join ' ', (grep { $there{$_} } @points), ($names . $strings) =~ /(\w*layr_fault\w*|LAYR_FAULT\w*|fault(?:_vfs)?\.c)/g;
}

for my $name ('ngx_layr_module.so', map { s{.*/}{bin/}r } grep { -x } glob build('bin/*')) {
    my $release = "$Layr::Fault::release/$name";
    is(traces($release), '', "$name of the release has none of them") if -e $release;
    isnt(traces(build($name)), '', "$name of the other build has") if $name =~ /module|layr-put|layr-swarm/;
}
my $all = join '', map { ' ' . traces(build($_)) . ' ' } qw(ngx_layr_module.so bin/layr-put bin/layr-patch bin/layr-keep);
is(join(' ', grep { index($all, " $_ ") < 0 } @points), '', 'between them all points are in its programs and module');

done_testing;
