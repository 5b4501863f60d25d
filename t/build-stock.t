#!/usr/bin/perl
# The module builds the stock way, with nginx's own source, and works in that nginx.
use strict;
use warnings;
use lib 't/lib';
use Cwd ();
use Layr::Test;
use Test::More;

plan skip_all => 'nginx under test has the module compiled in' if ($ENV{LAYR_MODULE} // '') eq 'builtin';

my $top = Cwd::getcwd();
my $dir = build('stock');
if (!-e "$dir/configure") {
    my $r = run({timeout => 300}, 't/lib/nginx-source', $dir);
    plan skip_all => $r->{out} =~ s/\n.*//sr if $r->{status} == 3;
    is($r->{status}, 0, "nginx's source") or BAIL_OUT($r->{err});
}

sub step {
    my ($name, @command) = @_;
    my $r = run({cwd => $dir, timeout => 900}, @command);
    is($r->{status}, 0, $name) or diag(substr $r->{out} . $r->{err}, -2000);
    return $r->{status} == 0;
}

# Configured anew only when what it reads has changed: nginx would compile all of itself again.
my $configured = -e "$dir/objs/Makefile" && -M "$dir/objs/Makefile" < -M 'config';
my @configure = (qw(./configure --with-compat --with-threads --with-http_ssl_module --with-http_v2_module), "--add-dynamic-module=$top");
($configured || step('./configure --add-dynamic-module', @configure)) && step('make modules', qw(make -s -j2 modules))
    && step('make', qw(make -s -j2)) or done_testing, exit;

my $nginx = "$dir/objs/nginx";
my $v = run($nginx, '-V')->{err};
like($v, qr/nginx version: nginx/, 'it runs') or diag($v);

my $swarm = Layr::Test->swarm(1, '--nginx', $nginx, '--module', "$dir/objs/ngx_http_layr_module.so");
my $a = http(GET => $swarm->url(0) . '/v1/node?nonce=AAAAAAAAAAAAAAAAAAAAAA');
is($a->{status}, 200, 'GET v1/node of a stock nginx with the module');
is(join(' ', sort keys %{unjson($a->{body})}), 'contact node', 'contact and node');
ok($swarm->quiet, 'error log is clean') or diag($swarm->noise);
done_testing;
