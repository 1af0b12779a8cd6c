# The inside half of a lease: deletes this machine after its deadline, whatever became of agent, editor or laptop.
#
#   sh watchdog.sh UNTIL URL FOLDER RETRY CHUNK ENVIRON [MADE]
#
# UNTIL    the deadline, epoch seconds; only ever moved to a later one, by FOLDER/lease-until-ID or the machine's label
# URL      the API's address, without a path
# FOLDER   where lease-until-ID, watchdog.log and pid are; where it cannot be written, ${TMPDIR:-/tmp}/vast-mcp. What is
#          believed has the machine's own id in its name: a copy of this disk may start as another machine
# RETRY    seconds of tries after the deadline while the API cannot be read; then it deletes at the last deadline known
# CHUNK    the longest sleep between two looks, in seconds
# ENVIRON  the first process's environment, for a shell that did not inherit it
# MADE     when it was rented, epoch seconds; without it, this machine's clock
#
# POSIX sh, with sed, tr, date, sleep, tee and mkdir of coreutils or busybox. watchdog.py packs it, without comment lines
# and indentation; every character counts there. Written to stay alive: no redirection on a special built-in and no
# arithmetic on unchecked text, for either ends a shell; it needs no disk; only a newer watchdog ends it, and the
# machine's own end. What it was told is no reason: a delete that was answered is sent again while the machine lives.
#
# No clock of this machine is believed. Time is MADE and what passed since the start, by /proc/uptime, so never later
# than it is; and Vast's own Date as soon as two replies agree on it.
#
# Variables: T seconds since boot, N now, O what T lacks to it, P that by the last Date; F since when the lease is over,
# Z what the last look after that came to; B the next pause; Q clients, the one that answered first, and without the
# image's environment where one has a minus; W client, I id, K key; r reply, S its status, X its meaning, w both in
# words, with what those said that got no answer; G the container's log, once onstart's is let go; H bounds a program; L the time in the label or a minus, Y the look before.
U=$1 A=$2 R=$4 C=$5 E=$6 O=0 B=9 F= G= H= Z= Q='curl wget python3 -curl -wget -python3'
set +eux
umask 077
trap '' HUP PIPE
export LC_ALL=C

now() {
    read T N </proc/uptime||T=$(date +%s)
    T=${T%.*}
    N=$((T+O))
}

say() {
    now
    echo "$(date -u -d @$N) vast-mcp: $*, until $(date -u -d @$U)" | $H tee -a "$D/watchdog.log" $G >&2
}

# ask METHOD QUERY BODY, by one client after the other until one gets an answer. The key is in no argument list: curl reads
# it from a pipe, python3 too, wget from a file of mode 600 in FOLDER, or in /dev/shm where that takes none. The key goes along
# with no redirection, and none reads a configuration of the person's.
ask() {
    u=$A/api/v0/instances/$I/$2
    h="Authorization: Bearer $K"
    j='Content-Type: application/json'
    w=
    for W in $Q; do
        # One line that begins with the status: `;` for what ends a line, no blanks around the colon of a key.
        r=$(
            case $W in -*) unset $(export -p|sed -nE 's/^export ([^P][^=]+)=.*/\1/p'); esac
            case $W in
            *curl) echo "header=\"$h\""|$H curl -qsSim30 -K- -X$1 -H"$j" ${3:+-d$3} $u;;
            *wget)
                for D in "$D" /dev/shm; do
                    [ -s "$D/$I" ]||echo "header=$h" >"$D/$I"&&break
                done
                $H wget --config="$D/$I" -nv -St1 -T30 --max-redirect=0 --content-on-error --method=$1 --header="$j" ${3:+--body-data=$3} -O- $u
                ;;
            *)
                echo $K|$H python3 -uIc 'import sys,urllib.request as q
_,m,u,b=sys.argv
r=q.Request(u,b.encode(),{"Content-Type":"application/json","User-Agent":"curl"},method=m)
r.add_unredirected_header("Authorization","Bearer "+input())
try:r=q.urlopen(r,timeout=30)
except q.URLError as e:r=e
print(r)
print("HTTP/1",r.code,r.headers,str(r.read(),"ascii","ignore"))' $1 $u "$3"
            esac 2>&1|tr -c ' -~' ';'|sed -E 's|^([^"]*;)? *HTTP/[^ ]+ ||;s/([^\\])"[; ]*:[; ]*/\1":/g'
        )
        S=${r%%[!0-9]*}
        # A row is this machine's only with its id, and has a label even where that is null: of half a row nothing is
        # believed. The lease stands at the label's very end, `<name> lease-until=<epoch seconds>#<token>`.
        L=$(printf %s "$r"|sed -E '/^2.*"instances":/!d;/[^\\]"id":"?'$I'[^0-9]/!d;s/.*[^\\]"label":"([^"\\]|\\.)* lease-until=([0-9]+)(#[0-9a-f]{16})?".*/\2/;t;/[^\\]"label":(null|"([^"\\]|\\.)*")/!d;s/.*/-/')
        # A wrong key is a 404 at this service, so a refusal is known by what it says. Whatever does not answer as Vast
        # does may be a gateway's, and says nothing, not even the time.
        case $1$L:$r in
        GET[-0-9]*|[DP]*:2*'"success":true'*) X=done;;
        *:40[134]*'"auth_error"'*) X=refused;;
        *:2*'"instances":null'*|*:404*'"no_such_instance"'*) X=gone;;
        *) X=failed w="$w $W: $(printf %.99s "$r")" Q="${Q#* } $W"
        esac
        [ $X$S = failed ]||break
    done
    w="$X $S $W$w"
}

# later TIME WHERE: only a later time moves the deadline.
later() {
    case $1 in
    ''|-) false;;
    0*|*[!0-9]*|???????????*) ! say "$2 ignored";;
    *) [ $1 -gt $U ]&&U=$1&&say "$2 extends"
    esac
}

from() {
    tr '\0' '\n' <$E|sed -n "s/^CONTAINER_$1=//p"
}

I=${CONTAINER_ID:-$(from ID)}
K=${CONTAINER_API_KEY:-$(from API_KEY)}
now
O=$((${7:-$(date +%s)}-T)) P=$O
for D in "$3" "${TMPDIR:-/tmp}/vast-mcp"; do
    mkdir -p "$D"&&echo $$ >"$D/pid-$I"&&break
done
H=$(timeout 60 echo timeout 60)
say "log $D"
case $I:$K in
:*|*:|*[!0-9]*:*|*[!A-Za-z0-9:._-]*)
    say 'no id or key'
    exit
esac

while :; do
    # The newest watchdog of a machine owns it, and the others leave it to a later one: onstart runs again at every boot.
    read p <"$D/pid-$I"
    [ "$p" != $$ ]&&kill -0 "$p"&&say "later $p"&&exit
    # The lease file, then the label. What the label said is kept in the file, for a boot at which it cannot be read.
    L=
    read L <"$D/lease-until-$I"
    later "$L" file
    ask GET '?owner=me'
    # Date: Tue, 24 Nov 2026 02:30:16 GMT, which busybox reads by its form only. One second off, because both clocks
    # are cut to whole seconds: late by less than two, never early.
    d=${r%%'"instances'*}
    d=${d##*[; ][Dd]ate: ???, }
    d=${d%% GMT*}
    now
    case $X:$d in
    [dr]*:??\ ???\ 20??\ ??:??:??)
        d=$(date -ud "$d" +%s||date -uD '%d %b %Y %T' -d "$d" +%s)
        d=$((${d:-N+1}-T-1))
        [ $(((d-P)/60)) = 0 ]&&O=$d||X=odd w="odd $w"
        P=$d
    esac
    [ "$w" = "$Y" ]||say "read $w"
    Y=$w
    later "$L" label&&echo $U >"$D/lease-until-$I"
    # Whoever waits for the end of onstart's output waits no longer; from here on the first process's own has the lines.
    exec >/dev/null 2>&1
    G=${H:+${E%environ}fd/2}
    now
    s=$((U-N)) c=$B
    if [ $s -gt 0 ]; then
        F= Z=
        case $X in [dr]*) B=9 c=$C; esac
    else
        # Deleted once two looks in a row say that it is over, or none could be had for long enough.
        [ "$F" ]||F=$N B=9
        s=$((N-F))
        case $X:$Z in [dr]*:$X) s=$R; esac
        Z=$X
        if [ $s -ge $R ]; then
            ask DELETE '' {}
            say "delete $w"
            # wget shows no words of a 401.
            case $X$S in refused*|*401)
                ask PUT '' '{"state":"stopped"}'
                say "stop $w"
            esac
        fi
        s=$C c=$B
    fi
    [ $B -gt $C ]&&c=$C||B=$((B*6/5))
    [ $s -gt $c ]&&s=$c
    sleep $s
done
