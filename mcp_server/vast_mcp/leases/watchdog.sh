# The inside half of a lease: deletes this machine after its deadline, whatever became of agent, editor or laptop.
#
#   sh watchdog.sh UNTIL URL FOLDER RETRY CHUNK ENVIRON
#
# UNTIL    the deadline, epoch seconds; only ever moved to a later one, by FOLDER/lease-until-ID or the machine's label
# URL      the API's address, without a path
# FOLDER   where lease-until-ID, watchdog.log and pid are; where it cannot be made, ${TMPDIR:-/tmp}/vast-mcp. What is
#          believed has the machine's own id in its name: a copy of this disk may start as another machine
# RETRY    seconds of tries after the deadline while the API cannot be read; then it deletes at the last deadline known
# CHUNK    the longest sleep between two looks, in seconds
# ENVIRON  the first process's environment, for a shell that did not inherit it
#
# POSIX sh, with sed, tr, date, sleep, tee and mkdir of coreutils or busybox. watchdog.py packs it, without comment lines
# and indentation; every character counts there. Written to stay alive: no redirection on a special built-in and no
# arithmetic on unchecked text, for either ends a shell; no temporary files, for a full disk must not save a machine.
# Variables: N now, O clock offset, F since when the lease is over, W client, I id, K key; r reply, S its status, X its
# meaning, Y that of the look before.
U=$1 A=$2 D=$3 R=$4 C=$5 E=$6 O=0
umask 077
trap '' HUP PIPE
export LC_ALL=C

now() {
    N=$(($(date +%s)+O))
}

say() {
    now
    echo "$(date -u -d @$N) vast-mcp: $*, lease until $U, $(date -u -d @$U)" | tee -a "$D/watchdog.log" >&2
}

# ask METHOD QUERY BODY. The key is in no argument list: curl reads it from a pipe, wget from a file of mode 600, FOLDER/ID, python3
# from its environment. None follows a redirection, for the key would go along.
ask() {
    u=$A/api/v0/instances/$I/$2
    h="Authorization: Bearer $K"
    j='Content-Type: application/json'
    r=$(case $W in
    curl) echo "header=\"$h\"" | curl -qism30 -K- -X$1 -H"$j" ${3:+-d$3} $u;;
    wget)
        [ -s "$D/$I" ] || echo "header=$h" >"$D/$I"
        wget --config="$D/$I" -qSt1 -T30 --max-redirect=0 --content-on-error --method=$1 --header="$j" ${3:+--body-data=$3} -O- $u
        ;;
    *)
        K=$K python3 -Ic 'import os,sys,http.client as h
_,m,u,b=sys.argv
s,_,n,p=u.split("/",3)
c=(h.HTTPSConnection if s[5:]else h.HTTPConnection)(n,timeout=30)
c.request(m,"/"+p,b,{"Authorization":"Bearer "+os.environ["K"],"Content-Type":"application/json","User-Agent":"vast-mcp"})
r=c.getresponse()
print("HTTP/1",r.status,r.headers,str(r.read(),"ascii","ignore"))' $1 $u "$3"
    esac 2>&1 | tr -d '\t\r\n' | sed 's/" *: */":/g')
    S=${r#*HTTP/}
    S=${S#* }
    S=${S%%[!0-9]*}
    S=${S:-no reply}
    # A wrong key is a 404 at this service, so a refusal is known by what it says, too. A failure says nothing, not even
    # the time: it may be a gateway's.
    case $S$r in
    401*|403*|404*'"auth_error"'*) X=refused;;
    2*'"instances":{'*|2*'"success":true'*) X=done;;
    2*'"instances":null'*|404*no_such_instance*) X=gone;;
    *) X=failed r=
    esac
    # Date: Tue, 24 Nov 2026 02:30:16 GMT. Days of years that begin in March, right until 2100; 1$1 because 08 would be
    # octal. The constant takes off 1970, these 1s, and one second, because both clocks are cut to whole seconds: late by
    # less than two, never early.
    d=${r#*[Dd]ate: ???, }
    d=${d%% GMT*}
    case $d in
    [0-9][0-9]\ [A-Z][a-z][a-z]\ [0-9][0-9][0-9][0-9]\ [0-9][0-9]:[0-9][0-9]:[0-9][0-9])
        IFS=' :'
        set -- $d
        unset IFS
        m=MarAprMayJunJulAugSepOctNovDecJanFeb
        m=${m%$2*}
        m=$((${#m}/3))
        O=$(((($3-(m>9))*1461/4+(153*m+2)/5+1$1)*86400+1$4*3600+1$5*60+1$6-62172423701-$(date +%s)))
    esac
}

# later TIME WHERE: only a later time moves the deadline.
later() {
    case $1 in
    '') false;;
    0*|*[!0-9]*|???????????*) ! say "$2 ignored";;
    *) [ $1 -gt $U ] && U=$1 && say "$2 extends"
    esac
}

from() {
    tr '\0' '\n' <$E | sed -n "s/^CONTAINER_$1=//p"
}

mkdir -p "$D" && [ -w "$D" ] || D=${TMPDIR:-/tmp}/vast-mcp
mkdir -p "$D"
echo $$ >"$D/pid"
I=${CONTAINER_ID:-$(from ID)}
K=${CONTAINER_API_KEY:-$(from API_KEY)}
for W in curl wget python3 ''; do
    case $($W --version 2>&1) in
    curl\ [0-9]*|GNU*|Python\ 3*) break
    esac
done
say "log $D, client $W"
case $W:$I:$K in
:*|*:|*::*|*:*[!0-9]*:*|*[!A-Za-z0-9:._-]*)
    say 'cannot delete: no client, id or key'
    exit
esac

while :; do
    # The newest watchdog of a machine owns it, and the others leave: onstart runs again at every boot.
    read -r p <"$D/pid"
    [ "$p" != $$ ] && kill -0 "$p" && say "left to $p" && exit
    # The lease file, then the label, `<name> lease-until=<epoch seconds>#<token>` at its very end and in JSON. What the
    # label said is kept in the file, for a boot at which it cannot be read.
    L=
    read -r L 2>/dev/null <"$D/lease-until-$I"
    later "$L" file
    ask GET '?owner=me'
    [ $X = "$Y" ] || {
        say "read $X $S"
        [ $X = refused ] && say "only $D/lease-until-$I extends, no label"
    }
    Y=$X
    later "$(printf %s "$r" | sed -nE 's/.*[{, ]"label":"([^"\\]|\\.)* lease-until=([0-9]{1,10})(#[0-9a-f]{16})?".*/\2/p')" label && echo $U >"$D/lease-until-$I"
    # Whoever waits for the end of onstart's output waits no longer.
    exec >/dev/null 2>&1
    now
    s=$((U-N))
    if [ $s -gt 0 ]; then
        F=
    else
        F=${F:-$N}
        s=$((N-F))
        if [ $X != failed ] || [ $s -ge $R ]; then
            ask DELETE '' {}
            say "delete $X $S"
            [ $X = gone ] && exit
            if [ $X = refused ]; then
                ask PUT '' '{"state":"stopped"}'
                say "stop $X $S"
                [ $X = failed ] || exit
            fi
        fi
        s=$((s/9+9))
    fi
    [ $s -gt $C ] && s=$C
    sleep $s
done
