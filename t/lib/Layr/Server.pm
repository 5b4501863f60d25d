package Layr::Server;

# One nginx with one store and three listeners: plain HTTP/1.1, HTTP/2 with prior knowledge, TLS with both. For tests that need
# other directives than layr-swarm has; it stands where a swarm of one host can.
#
#     my $server = Layr::Server->new(main => 'worker_rlimit_nofile 30000;', events => 'worker_connections 12000;', http => '..', location => '..');
#     $server->ports;    # (h1, h2c, TLS)
#     $server->quit;     # gracefully; its processes have ended, or it says which have not

use strict;
use warnings;
use Cwd ();
use Exporter qw(import);
use IO::Socket::INET ();
use Layr::Test;

our @EXPORT = qw(http_tool);

my $serial = 0;
my @servers;
my $owner = $$;
END {
    if ($$ == $owner) { my $status = $?; $_->end for @servers; $? = $status }
}

# One of the programs of t/fuzz/http, made when it is missing. They are clients: of the ordinary build also where the host is
# under the sanitizers.
sub http_tool {
    my ($name) = @_;
    my $build = ($ENV{LAYR_BUILD} // 'build') =~ s{/asan$}{}r;
    local %ENV = %ENV;
    delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES CC CFLAGS SAN OPT)};
    my $made = run({timeout => 900}, 'make', '-s', '-j2', "BUILD=$build", 'http-tools');
    die "make http-tools: $made->{out}$made->{err}" if $made->{status} != 0;
    return Cwd::abs_path("$build/bin/$name");
}

sub new {
    my ($class, %o) = @_;
    my $self = bless {dir => scratch('server' . $serial++), o => \%o}, $class;
    mkdir "$self->{dir}" or die "$self->{dir}: $!";
    my @sockets = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) // die "listen: $!" } 1 .. 3;
    $self->{ports} = [map { $_->sockport } @sockets];
    close $_ for @sockets;
    my $r = run('openssl', qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=127.0.0.1), '-keyout',
        "$self->{dir}/tls.key", '-out', "$self->{dir}/tls.crt");
    die "openssl: $r->{err}" if $r->{status} != 0;
    $self->configure;
    $self->start;
    push @servers, $self;
    return $self;
}

sub configure {
    my ($self) = @_;
    my $o = $self->{o};
    my ($h1, $h2c, $tls) = @{$self->{ports}};
    my $module = $ENV{LAYR_MODULE} // build('ngx_layr_module.so');
    my $load = $module eq 'builtin' ? '' : "load_module $module;\n";
    my $user = $> == 0 ? "user root root;\n" : '';
    my $temp = join '', map { "    ${_}_temp_path temp_$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);
    write_file("$self->{dir}/nginx.conf", <<"END");
${load}${user}worker_processes @{[$o->{workers} // 1]};
pid nginx.pid;
lock_file nginx.lock;
error_log error.log @{[$o->{log} // 'notice']};
@{[$o->{main} // '']}
events { @{[$o->{events} // 'worker_connections 4096;']} }
http {
    access_log off;
$temp    ssl_certificate tls.crt;
    ssl_certificate_key tls.key;
    ssl_session_cache shared:tls:1m;
    @{[$o->{http} // '']}
    server {
        listen 127.0.0.1:$h1;
        listen 127.0.0.1:$h2c http2;
        listen 127.0.0.1:$tls ssl http2;
        location / {
            layr_store on;
            layr_path store;
            layr_key node.key;
            layr_advertise https://127.0.0.1:$tls;
            @{[$o->{location} // '']}
        }
    }
}
END
    return;
}

sub start {
    my ($self) = @_;
    my $nginx = $ENV{LAYR_NGINX} // '/usr/sbin/nginx';
    my $r = run($nginx, '-p', "$self->{dir}/", '-c', "$self->{dir}/nginx.conf", '-e', "$self->{dir}/error.log");
    die "nginx: $r->{err}" if $r->{status} != 0;
    my $up = wait_for(30, sub { -s "$self->{dir}/nginx.pid" && http(GET => $self->url(0) . '/v1/node', version => '1.1')->{status} == 200 });
    die "nginx does not answer: " . read_file("$self->{dir}/error.log") if !$up;
    chomp($self->{master} = read_file("$self->{dir}/nginx.pid"));
    return;
}

sub ports   { return @{$_[0]{ports}} }
sub url     { return "http://127.0.0.1:$_[0]{ports}[0]" }
sub id      { my ($self) = @_; chomp(my $id = read_file("$self->{dir}/store/host.id")); return $id }
sub path    { my ($self, undef, @name) = @_; return join '/', $self->{dir}, @name }
sub blobs   { my ($self) = @_; my @all = glob("$self->{dir}/store/shards/*/*/*"); return @all }
sub workers { my ($self) = @_; return split ' ', read_file("/proc/$self->{master}/task/$self->{master}/children") }

# As Layr::Host has it: over which wire it is asked.
sub wire {
    my ($self) = @_;
    return {name => 'HTTP/1.1', swarm => $self, version => '1.1', url => $self->url, id => $self->id};
}

# What the workers have resident, in bytes.
sub resident {
    my ($self) = @_;
    my $sum = 0;
    for my $pid ($self->workers) {
        my ($kib) = read_file("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
        $sum += 1024 * $kib;
    }
    return $sum;
}

# Lines of the error log that must not be there.
sub noise {
    my ($self) = @_;
    return join '', grep { /\[(?:alert|crit|emerg)\]|Sanitizer|runtime error:|exited on signal/ } map { "$_\n" } split /\n/, read_file("$self->{dir}/error.log");
}
sub quiet { return $_[0]->noise eq '' }

sub gone { my ($self) = @_; return !kill 0, $self->{master} }

sub quit {
    my ($self) = @_;
    kill 'QUIT', $self->{master};
    return wait_for(90, sub { $self->gone });
}

sub end {
    my ($self) = @_;
    return if !$self->{master} || $self->gone;
    kill 'TERM', $self->{master};
    wait_for(20, sub { $self->gone }) or kill 'KILL', $self->workers, $self->{master};
    return;
}

1;
