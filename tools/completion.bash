# bash completion of Layr's programs. What can be said is read from each program's own --help, so it is never out of date; files and
# folders are bash's own. Names of stored files are not completed: a passphrase may be wanted for them, and hosts would be asked at every TAB.

_layr()
{
    local cur=${COMP_WORDS[COMP_CWORD]} help words

    COMPREPLY=()
    help=$("$1" --help 2>/dev/null) || return
    case $cur in
    -*) words=$(sed -n 's/^  \(-[A-Za-z]\), \(--[a-z-]*\).*/\1 \2/p; s/^      \(--[a-z-]*\).*/\1/p' <<< "$help") ;;
    *)
        [ "$COMP_CWORD" -eq 1 ] || return
        words=$(sed -n 's/^\(usage:\|      \) layr-[a-z]* \([a-z][a-z|]*\)\( .*\)\{0,1\}$/\2/p' <<< "$help" | tr '|' ' ')
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -o bashdefault -o default -F _layr layr-audit layr-find layr-get layr-keep layr-key layr-ls layr-patch layr-put layr-rm layr-swarm
