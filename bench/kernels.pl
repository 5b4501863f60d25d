# kernels: the inner loops on one thread, each against what it is made of: libcrypto and ISA-L called directly, and for tags and
# answers memcpy. Chunks of 64 KiB in cache; bytes are those of the data, and where an answer is checked those that it speaks for: a full shard.
use strict;
use warnings;
use Layr::Bench;
use Layr::Test;

my %floor = (
    (map { ("tags $_" => 'memcpy', "answer $_" => 'memcpy') } qw(portable pclmul vpclmul)), 'answer check' => 'memcpy', 'SHA-256' => 'EVP SHA-256',
    (map { ($_ => 'EVP AES-256-GCM') } qw(seal open)),
    (map { ("encode $_" => "ec_encode_data $_", "decode $_" => "ec_encode_data $_") } qw(4/8 10/20 20/40)),
);
my @names = split /\n/, run(build('bench/kernels'), 'list')->{out};

sub kernel {
    my ($name) = @_;
    my $c = client(build('bench/kernels'), $name, size(0.3, 0.02));
    return unjson($c->{out});
}

my $s = rounds(map { my $name = $_; sub { $_[0]->($name, undef, sub { kernel($name) }) } } @names);
for my $name (grep { $floor{$_} } @names) {
    row($s, figure => "kernel $name", ours => $name, peer => $floor{$name}, unit => 'GB/s', value => sub { mib_s($_[0]) / 1e3 },
        $name =~ /^(?:tags|answer)/ ? () : (want => '>= 0.95'));
}
1;
