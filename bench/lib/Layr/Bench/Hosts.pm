package Layr::Bench::Hosts;

# Layr's hosts, and the nginx that they are compared with: the same server with the same configuration, but without the module and
# with another location.
#
#     my $hosts = Layr::Bench::Hosts->swarm(1, '--h2c');                      # a Layr::Test swarm, with ->masters
#     my $peer  = Layr::Bench::Hosts->plain($hosts, 1, "root /srv;");         # as many as said, configured as host 0 is
#     my $dav   = Layr::Bench::Hosts->dav($hosts, 3, in => '/dev/shm/x');     # WebDAV; ->data($i) is where files are
#
# All end with the program.

use strict;
use warnings;

use File::Path ();
use IO::Socket::INET ();
use Layr::Test;

my $owner_pid = $$;
my (@started, @folders, @swarms);

END {
    if ($$ == $owner_pid) {
        my $status = $?;
        $_->end for @swarms;
        kill 'QUIT', @started if @started;
        File::Path::remove_tree(@folders) if @folders;
        $? = $status;
    }
}

sub swarm {
    my (undef, $n, @options) = @_;
    return bless Layr::Test->swarm($n, @options), 'Layr::Bench::Swarm';
}

# The same in a folder of one's choice.
sub swarm_in {
    my (undef, $dir, $n, @options) = @_;
    my $self = bless {dir => $dir, n => $n}, 'Layr::Bench::Swarm';
    push @swarms, $self;
    $self->command('start', '-n', $n, @options);
    return $self;
}

# A folder outside of the scratch folder that goes when the program ends.
sub folder {
    my ($path) = @_;
    File::Path::make_path($path);
    push @folders, $path;
    return $path;
}

sub free_port {
    my ($address) = @_;
    my $s = IO::Socket::INET->new(LocalAddr => $address, Listen => 1, ReuseAddr => 1) // die "$address: $!";
    return $s->sockport;
}

# The configuration of the swarm's host 0, with another location and address.
sub conf {
    my ($swarm, $address, $port, $location, @modules) = @_;
    my $conf = read_file($swarm->path(0, 'nginx.conf'));
    $conf =~ s/^load_module .*?;\n//m;
    $conf =~ s/listen [0-9.]+:\d+/listen $address:$port/ or die 'no listen in the configuration';
    $conf =~ s/location \/ \{.*?\n        \}\n/location \/ {\n$location\n        }\n/s or die 'no location in the configuration';
    return join('', map { "load_module $_;\n" } @modules) . $conf;
}

sub start {
    my ($prefix) = @_;
    my $nginx = '/usr/sbin/nginx';    # Debian's, which has WebDAV, whatever the hosts run
    my $r = run($nginx, '-p', "$prefix/", '-c', 'nginx.conf', '-e', 'error.log');
    die "$nginx: $r->{err}" if $r->{status} != 0;
    wait_for(10, sub { -s "$prefix/nginx.pid" }) or die "$prefix: nginx did not start";
    my ($pid) = read_file("$prefix/nginx.pid") =~ /(\d+)/;
    push @started, $pid;
    return $pid;
}

my $serial = 0;

sub plain {
    my (undef, $swarm, $n, $location, %o) = @_;
    my $self = bless {masters => [], urls => [], prefixes => []}, 'Layr::Bench::Peer';
    for my $i (1 .. $n) {
        my $address = '127.200.' . $serial++ . '.1';
        my $port = free_port($address);
        my $prefix = ($o{in} // scratch()) . "/peer$serial";
        File::Path::make_path("$prefix/data");
        my ($scheme) = $swarm->url(0) =~ /^(https?)/;
        write_file("$prefix/nginx.conf", conf($swarm, $address, $port, $location, @{$o{modules} // []}));
        for my $file ($scheme eq 'https' ? qw(tls.crt tls.key) : ()) {
            write_file("$prefix/$file", read_file($swarm->path(0, $file)));
        }
        push @{$self->{prefixes}}, $prefix;
        push @{$self->{urls}}, "$scheme://$address:$port";
        push @{$self->{masters}}, start($prefix);
    }
    return $self;
}

# WebDAV: bodies go to temporary files, which are renamed into place; nothing is synced.
sub dav {
    my ($class, $swarm, $n, %o) = @_;
    return $class->plain($swarm, $n, <<'END', %o, modules => ['/usr/lib/nginx/modules/ngx_http_dav_ext_module.so']);
            root data;
            dav_methods PUT DELETE MKCOL COPY MOVE;
            dav_ext_methods PROPFIND OPTIONS;
            create_full_put_path on;
            client_body_buffer_size 128k;
            client_max_body_size 0;
            client_body_temp_path data/.tmp;
END
}

package Layr::Bench::Swarm;

our @ISA = ('Layr::Test::Swarm');

sub masters { my ($self) = @_; return map { (split /\t/)[2] } split /\n/, $self->command('status') }
sub logs    { my ($self) = @_; return map { $self->path($_, 'access.log') } 0 .. $self->count - 1 }

package Layr::Bench::Peer;

sub masters { return @{$_[0]{masters}} }
sub logs    { return map { "$_/access.log" } @{$_[0]{prefixes}} }
sub urls    { return @{$_[0]{urls}} }
sub url     { return $_[0]{urls}[$_[1]] }
sub data    { return "$_[0]{prefixes}[$_[1]]/data" }

# SHA-256 of the key that all of them show (docs/protocol.md: pins), in hex.
sub pin {
    my ($self) = @_;
    my $der = Layr::Test::scratch('key.der');
    system(qw(sh -c), 'openssl x509 -in "$0" -noout -pubkey | openssl pkey -pubin -outform der -out "$1"', "$self->{prefixes}[0]/tls.crt", $der) == 0
        or die 'no key in the certificate';
    return Layr::Test::sha256_file($der);
}

# Remove what was uploaded; the folders stay unless all => 1.
sub wipe {
    my ($self, %o) = @_;
    for my $i (0 .. $#{$self->{urls}}) {
        my $data = $self->data($i);
        system($o{all} ? ('find', $data, '-mindepth', 1, '-maxdepth', 1, '!', '-name', '.tmp', '-exec', 'rm', '-rf', '{}', '+')
            : ('find', $data, '-type', 'f', '-delete'));
    }
    return;
}

1;
