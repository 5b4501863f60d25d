package Layr::Host;

# One host as a stranger sees it: over which wires, what it refuses and how, and whether that changed anything.
#
#     for my $w (wires('--directive', 'layr_price 5;')) {
#         my $a = ask($w, PUT => "/v1/shards/$id", auth => $order, body => $bytes);
#         refused($w, $a, 401, 'order-signature', 'what was tried');
#     }

use strict;
use warnings;
use Exporter qw(import);
use File::Find ();
use Layr::Test;
use Test::More;

our @EXPORT = qw(wires ask put_shard refused unchanged state status nginx_t);

# Hosts with the same options: plain, h2c and TLS; the last over both of its protocols.
sub wires {
    my @options = @_;
    my ($plain, $h2c, $tls) = map { Layr::Test->swarm(1, @options, @$_) } ['--plain'], ['--h2c'], [];
    return map { wire(@$_) } ['HTTP/1.1', $plain, '1.1'], ['h2c', $h2c, 'h2c'], ['TLS HTTP/1.1', $tls, '1.1'],
        ['TLS HTTP/2', $tls, '2'];
}

sub wire {
    my ($name, $swarm, $version) = @_;
    my $w = {name => $name, swarm => $swarm, version => $version, url => $swarm->url(0), id => $swarm->id(0)};
    $w->{state} = state($w);
    return $w;
}

# ask($wire, METHOD => $path, auth => $jws, header => [..], body => ..): as http does.
sub ask {
    my ($w, $method, $path, %o) = @_;
    my @header = @{$o{header} // []};
    push @header, "Authorization: Layr $o{auth}" if defined $o{auth};
    return http($method => $w->{url} . $path, %o, version => $w->{version}, header => \@header,
        curl => ['--path-as-is', @{$o{curl} // []}]);
}

# PUT a shard with an order.
sub put_shard {
    my ($w, $shard, $order, %o) = @_;
    return ask($w, PUT => "/v1/shards/$shard->{id}", auth => $order, body => $shard->{bytes}, %o);
}

sub status {
    my ($w) = @_;
    my $a = ask($w, GET => '/v1/status');
    die "v1/status: $a->{status} $a->{err}" if $a->{status} != 200;
    return unjson($a->{body});
}

# The store's files but those that the background writes by itself: the database's, the table's, the lock.
sub files {
    my ($w) = @_;
    my @files;
    my $store = $w->{swarm}->path(0, 'store');
    File::Find::find({no_chdir => 1, wanted => sub { push @files, $_ if -f && !m{/(?:layr\.db[^/]*|kad\.table(?:\.new)?|background\.lock)$} }}, $store);
    return join "\n", sort @files;
}

# All that a refusal must leave as it was: the files and the counters.
sub state {
    my ($w) = @_;
    my $s = status($w);
    return join "\n", (map { "$_ $s->{$_}" } qw(used shards orders reserved records)), '', files($w);
}

# Room that was reserved is given back when the request is over, a moment after its answer.
sub unchanged {
    my ($w, $name) = @_;
    my $now;
    my $same = wait_for(5, sub { ($now = state($w)) eq $w->{state} });
    is($now, $w->{state}, "$w->{name}: $name: nothing changed") if !$same;
    $w->{state} = $now;
    return $same;
}

# The answer is that refusal, in form and content, and left no file. (The counters cost a request: call unchanged after a few.)
sub refused {
    my ($w, $a, $status, $type, $name) = @_;
    my $why = '';
    my $p = eval { unjson($a->{body}) } // {};
    $why .= "status $a->{status}, not $status; " if $a->{status} != $status;
    $why .= 'Content-Type ' . ($a->{header}{'content-type'} // 'missing') . '; '
        if ($a->{header}{'content-type'} // '') ne 'application/problem+json';
    $why .= 'type ' . ($p->{type} // 'missing') . ", not $type; " if ($p->{type} // '') ne "urn:layr:problem:$type";
    $why .= 'status in the document; ' if ($p->{status} // 0) != $status;
    $why .= 'detail is no sentence; ' if ($p->{detail} // '') !~ /^[A-Z].{9,}\.$/;
    $why .= 'title; ' if ($p->{title} // '') !~ /^[A-Z].*[^.]$/;
    $why .= 'too long; ' if length $a->{body} > 4096;
    $why .= 'no Layr-Contact; ' if !$a->{header}{'layr-contact'};
    $why .= 'no Retry-After; ' if $status =~ /^(?:429|503)$/ && ($a->{header}{'retry-after'} // '') !~ /^\d+$/;
    my $same = wait_for(5, sub { files($w) eq ((split /\n\n/, $w->{state})[1] // '') });
    $why .= 'the store has changed; ' if !$same;
    ok($why eq '', "$w->{name}: $name: $status $type") or diag("$why\n$a->{err}$a->{body}");
    return;
}

# nginx -t with lines for the location, for http, in a fresh prefix: {status, err, prefix}.
my $tried = 0;
sub nginx_t {
    my ($location, %o) = @_;
    my $prefix = $o{prefix} // scratch('nginx' . $tried++);
    mkdir $prefix;
    my $module = $ENV{LAYR_MODULE} // build('ngx_layr_module.so');
    my $load = $module eq 'builtin' ? '' : "load_module $module;\n";
    my $user = $> == 0 ? "user root root;\n" : '';
    my $temp = join '', map { "    ${_}_temp_path temp_$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);
    my $block = $o{block} // "    location / {\n        $location\n    }";
    write_file("$prefix/nginx.conf", <<"END");
$load${user}pid nginx.pid;
lock_file nginx.lock;
error_log error.log notice;
events { }
http {
    access_log off;
$temp    @{[$o{http} // '']}
    server {
    listen @{[$o{listen} // '127.0.0.1:1']};
$block
    }
}
END
    my $nginx = $ENV{LAYR_NGINX} // '/usr/sbin/nginx';
    my @command = ($nginx, '-p', "$prefix/", '-c', "$prefix/nginx.conf", '-e', "$prefix/error.log");
    my $r = run({env => {ASAN_OPTIONS => 'detect_leaks=0'}}, @command, $o{start} ? () : '-t');
    return {%$r, prefix => $prefix, command => \@command};
}

1;
