#!/usr/bin/perl
# README's 'Code layout' and the tree agree: every folder it names is there, and every folder that is there is named, in one line.
use strict;
use warnings;
use File::Find ();
use Test::More;

# Built or fetched, not ours.
my %passed_over = map { $_ => 1 } qw(build node_modules);
my $depth = 2;    # liblayr-core/base, not t/lib/Layr

# The folders of the tree with files in them, and the files at its top. Hidden ones are for tools.
sub tree {
    my (%dirs, %files);
    File::Find::find({
        no_chdir => 1,
        preprocess => sub { grep { !/^\./ && !$passed_over{$_} } @_ },
        wanted => sub {
            my $path = $_ =~ s{^\./}{}r;
            return if !-f $_;
            $files{$path} = 1 if $path !~ m{/};
            my @parts = split m{/}, $path;
            pop @parts;
            $dirs{join '/', @parts[0 .. $_ - 1]} = 1 for grep { $_ <= $depth } 1 .. @parts;
        },
    }, '.');
    return (\%dirs, \%files);
}

# The layout: an indented block below the heading. `name/   words` is a folder, further to the right one inside it;
# a line without words lists files of the top.
sub layout {
    my ($text) = @_;
    my ($section) = $text =~ /^##+ Code layout\s*\n(.*?)(?=^##? |\z)/ms;
    return if !defined $section;
    my (%dirs, %files, @open);
    for (split /\n/, $section) {
        if (m{^(\s+)([\w.-]+)/\s{2,}(\S.*)$}) {
            my ($indent, $name, $words) = (length $1, $2, $3);
            pop @open while @open && $open[-1][0] >= $indent;
            push @open, [$indent, $name];
            $dirs{join '/', map { $_->[1] } @open} = $words;
        } elsif (/^\s+(\w[\w.-]*(?:\s+[\w.-]+)*)\s*$/) {
            $files{$_} = 1 for split ' ', $1;
        }
    }
    return (\%dirs, \%files);
}

ok(open(my $f, '<', 'README.md'), 'README.md is there') or BAIL_OUT('run from the top of the tree');
my ($said, $said_files) = layout(do { local $/; <$f> });
ok($said && %$said, "README has a 'Code layout'");
my ($is, $is_files) = tree();
ok($is->{$_}, "$_/ is there, as README says") for sort keys %$said;
ok($said->{$_}, "README names $_/") for sort keys %$is;
ok($is_files->{$_}, "$_ is there, as README says") for sort keys %$said_files;
done_testing;
