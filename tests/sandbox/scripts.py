# ruff: noqa: E501
"""Scripts that a POSIX shell runs, by which the sandbox's shell is judged. Each uses its own folder
alone, and prints the same wherever it runs. A line of dashes stands between two.
"""

SCRIPTS = r"""
echo a b   c
----
echo "a  b" 'c  d' e\ f
----
printf '%s|' "$@" a b; echo
----
x=1; x=$x$x; echo $x ${x}y ${#x}
----
echo ${u:-none} ${u-none} ${u:=set} $u ${u:+yes} ${v:+no}.
----
x=a.b.c; echo ${x%.*} ${x%%.*} ${x#*.} ${x##*.}
----
x=/a/b/c; echo ${x##*/} ${x%/*}
----
echo $((1+2*3)) $(( (1+2)*3 )) $((7/2)) $((-7/2)) $((7%3)) $((1<<4)) $((0x10)) $((010))
----
x=5; echo $((x+1)) $((x+=2)) $x $((x>3 ? 10 : 20)) $((!x)) $((x&&0)) $((~x))
----
true && echo yes || echo no; false && echo yes || echo no
----
if false; then echo a; elif true; then echo b; else echo c; fi
----
for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done
----
i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done
----
i=0; until [ $i -ge 3 ]; do i=$((i+1)); done; echo $i
----
for i in a b; do for j in 1 2; do [ $j = 2 ] && continue 2; echo $i$j; done; done
----
while :; do while :; do break 2; done; done; echo out
----
case abc in a*) echo A;; *) echo other;; esac
----
case x.y in *.y|*.z) echo match;; esac
----
case "a b" in "a b") echo quoted;; esac
----
case '*' in \*) echo star;; esac
----
case a in [!b-z]) echo notbz;; esac
----
case 5 in [0-9]) echo digit;; esac
----
case Z in [[:upper:]]) echo upper;; esac
----
case - in [a-]) echo dash;; esac
----
case x in (x) echo paren;; esac
----
f() { echo "f $1 $# $@"; return 3; }; f a b; echo $?
----
f() { local x=2; echo $x; }; x=1; f; echo $x
----
f() { x=2; }; x=1; (f); echo $x; f; echo $x
----
echo $(echo a; echo b) "$(echo c; echo d)"
----
echo `echo a \`echo b\`` "`echo 'c  d'`"
----
x=$(false); echo $?
----
x=$(exit 5) ; echo $? ; echo $?
----
echo a | cat | cat
----
printf 'a\nb\nc\n' | while read x; do echo "<$x>"; done
----
printf 'a b c\n' | { read x y; echo "$x-$y"; }
----
printf 'a\\b c\n' | { read x; echo "$x"; }
----
printf 'a\\b c\n' | { read -r x; echo "$x"; }
----
printf '  a  b  \n' | { IFS= read -r x; echo "<$x>"; }
----
printf 'x' | { read y; echo $? $y; }
----
printf 'a:b:c\n' | { IFS=: read a b c; echo $a $b $c; }
----
printf 'a::c\n' | { IFS=: read a b c; echo "$a-$b-$c"; }
----
set -- a 'b c' d; echo $#; for x; do echo "[$x]"; done
----
set -- a 'b c' d; for x in "$@"; do echo "[$x]"; done; for x in $*; do echo "($x)"; done
----
set -- a b c; shift; echo $1 $#; shift 2; echo $#
----
set -- a b; IFS=-; echo "$*"; echo $*
----
set --; for x in "$@"; do echo no; done; echo "${@}" | wc -l
----
set -- ''; for x in "$@"; do echo "<$x>"; done
----
x='a  b'; echo $x; echo "$x"; y=$x; echo "$y"
----
IFS=:; x=a:b::c; for i in $x; do echo "<$i>"; done
----
IFS=', '; x='a, b ,c,,d'; for i in $x; do echo "<$i>"; done
----
x=''; for i in $x; do echo no; done; for i in "$x"; do echo "<$i>"; done
----
cat <<EOF
a $((1+1)) $(echo hi) \$x
EOF
----
x=5; cat <<EOF
x=$x "quoted" 'single' \\ `echo b`
EOF
----
cat <<'EOF'
a $x $(no) \ 'b'
EOF
----
cat <<-EOF
		tabbed
	EOF
----
cat <<A; cat <<B
one
A
two
B
----
cat <<EOF | tr a-z A-Z
hello
EOF
----
f() { cat <<EOF
in f $1
EOF
}; f x; f y
----
echo a >f; echo b >>f; cat f; cat <f | wc -l
----
echo err >&2; echo out
----
{ echo a; echo b >&2; } 2>/dev/null
----
{ echo a; echo b >&2; } 2>&1 | sort
----
(echo a; exit 3); echo $?
----
(cd / && pwd); pwd | wc -l
----
exec 3>f3; echo hi >&3; exec 3>&-; cat f3
----
exec 4<<E
line1
line2
E
read a <&4; read b <&4; echo $a $b
----
echo x >f; { read a; } <f; echo $a
----
set -e; false; echo no
----
set -e; false || true; echo yes
----
set -e; if false; then :; fi; ! true; echo yes
----
set -e; f() { false; echo in; }; f || echo c; echo d
----
set -e; (false); echo no
----
set -e; x=$(false); echo no
----
set -e; false | true; echo yes
----
set -u; echo ${x:-ok}; echo $x; echo no
----
: ${x:?is missing}; echo no
----
trap 'echo bye' EXIT; echo hi
----
trap 'echo bye' 0; exit 4
----
trap 'echo term' TERM; kill -TERM $$; echo after
----
trap '' TERM; kill -TERM $$; echo after
----
trap 'echo a' EXIT; trap - EXIT; echo b
----
(trap 'echo sub' EXIT; echo x)
----
sleep 0 & wait $!; echo $?
----
(exit 7) & wait $!; echo $?
----
{ sleep 0.01; echo late; } & echo first; wait; echo done
----
sleep 5 & p=$!; kill $p; wait $p; echo $?
----
sleep 5 & p=$!; kill -9 $p; wait $p; echo $?
----
kill -0 $$ && echo alive
----
sh -c 'echo $0 $1' name arg
----
sh -c 'exit 9'; echo $?
----
echo 'echo from file $1' >s; sh s arg; . ./s
----
printf '#!/bin/sh\necho ran $1\n' >s; chmod +x s; ./s x
----
echo 'echo $((2*3))' | sh
----
printf 'echo a\nexit 3\necho b\n' | sh; echo $?
----
nosuchcommand 2>/dev/null; echo $?
----
./nosuch 2>/dev/null; echo $?
----
touch f; ./f 2>/dev/null; echo $?
----
cat nosuch 2>/dev/null; echo $?
----
eval 'echo a; x=1'; echo $x
----
x='echo hi'; eval "$x there"; $x
----
a=1 b=2; echo $a$b; a=3 sh -c 'echo $a'; echo $a
----
export x=1; sh -c 'echo $x'; unset x; sh -c 'echo ${x-unset}'
----
x=1; export x; x=2; sh -c 'echo $x'
----
readonly r=1; (r=2) 2>/dev/null; echo $?
----
command -v cd; command -v nosuch; echo $?
----
command echo hi; type cd >/dev/null && echo ok
----
[ a = a ]; echo $?; [ a = b ]; echo $?; [ 1 -lt 2 ] && echo lt
----
[ -n a ] && [ -z '' ] && echo nz; [ ! -e nosuch ] && echo absent
----
[ -d . ] && [ ! -f . ] && echo dir; test a != b && echo ne
----
[ a = a -a b = b ] && echo and; [ a = b -o b = b ] && echo or
----
[ "$x" ] || echo empty; [ "(" = "(" ] && echo par; [ -f ] && echo one
----
test 1 -eq 1 -a ! 2 -eq 3; echo $?
----
mkdir d; mkdir d 2>/dev/null; echo $?; mkdir -p d/e/f; ls d; rmdir d/e/f; ls d/e
----
mkdir -p a/b; echo x >a/b/f; cp -r a c; cat c/b/f; rm -r a; ls
----
echo x >f; mv f g; cat g; ln -s g h; cat h; readlink h; rm g; [ -e h ] || echo dangling; [ -L h ] && echo link
----
touch b a c; ls; echo *; echo [ab]; echo *.none; echo "*"; echo \*
----
touch .hid vis; echo *; echo .h*; ls -a | grep -c .
----
mkdir d; touch d/x d/y; echo d/*; echo */x
----
set -f; touch a; echo *
----
printf '%d %5d|%-5d|%05d %x %o %s %c\n' 1 2 3 4 255 8 str chr
----
printf '%s\n' a b c; printf '%b' 'a\tb\n'; printf '%%\n'; printf '%.2f\n' 3.14159; printf '%5s|%-5s|\n' a b
----
printf 'a\tb\\n\n'; printf '\101\n'; printf '%s %s\n' a
----
echo 'a\tb'; echo -n x; echo; echo 'a\\b'
----
echo a b c | cut -d' ' -f2; echo abcdef | cut -c2-4; printf 'a:b:c\n' | cut -d: -f1,3
----
printf 'b\na\nc\n' | sort; printf '10\n9\n2\n' | sort -n; printf 'a\nb\na\n' | sort -u; printf '1\n2\n' | sort -r
----
printf 'a\na\nb\n' | uniq -c | tr -s ' '; printf 'a\na\nb\n' | uniq
----
printf '1\n2\n3\n4\n5\n' | head -n 2; printf '1\n2\n3\n4\n5\n' | tail -n 2; printf '1\n2\n3\n' | tail -n +2
----
printf 'abcdef' | tail -c 3; printf abcdef | head -c 2; echo; printf '1\n2\n3\n' | head -n -1; printf '1\n2\n' | tail -1
----
printf 'one two\nthree\n' | wc -l; printf 'one two\n' | wc -w; printf abc | wc -c; printf abc >f; wc -c <f; printf ' a\tb \n c' | wc -w
----
echo hello | tr a-z A-Z; echo hello | tr -d l; echo aabb | tr -s ab; echo abc | tr -cd 'ab\n'; printf 'a\nb' | tr '\n' ' '; echo; echo 'a-b_c' | tr -c 'a-z\n' .
----
printf 'a;b\n' | tr '\n\r\000' '   '; echo; printf 'a b\n' | tr -cd 'A-Za-z0-9 ;,.:/%()_-'
----
printf 'foo\nbar\nbaz\n' | grep ba; printf 'foo\nbar\n' | grep -v foo; printf 'foo\n' | grep -q foo; echo $?; printf 'foo\n' | grep -c o; printf 'foo\n' | grep x; echo $?
----
printf 'a1\nb22\n' | grep -E '[0-9]{2}'; printf 'a.b\naxb\n' | grep -F a.b; printf 'abc\n' | grep -o 'b.*'; printf 'Abc\n' | grep -i abc; printf 'x\n' | grep -n x
----
printf 'a+b\n' | grep 'a+b'; printf 'aab\n' | grep 'a\+b'; printf 'ab\ncd\n' | grep -e ab -e cd
----
echo x >f; echo x >g; grep -l x f g; grep -ls x f nosuch; echo $?; grep x f g; grep -sE '^(x|y)' f; grep -h x f g
----
echo hello | sed 's/l/L/'; echo hello | sed 's/l/L/g'; echo hello | sed 's/\(h\)\(e\)/\2\1/'; echo a/b | sed 's|/|-|'
----
printf '1\n2\n3\n' | sed -n 2p; printf '1\n2\n3\n' | sed 2d; printf '1\n2\n3\n' | sed '2,$d'; printf '1\n2\n3\n' | sed -n '/2/,/3/p'; printf '1\n2\n3\n' | sed '$!d'; printf '1\n2\n' | sed 1q
----
echo abc | sed -E 's/(a)(b)/[\2&]/'; echo 'a b' | sed 's/ *b$//'; printf 'x=1\n' | sed -n 's/^x=//p'; echo abc | sed 'y/abc/xyz/'; echo a.b | sed 's/\./,/'; echo 'k: v' | sed 's/.*: *//'
----
echo abc | sed -e 's/a/1/' -e 's/b/2/'; printf 'a\nb\n' | sed '/a/{s/a/X/;p;}' ; printf 'a\n' | sed 's/a/x\ny/'
----
seq 3; seq 2 4; seq 1 2 5; expr 1 + 2; expr 3 \* 4; basename /a/b.c .c; dirname /a/b
----
echo aGk= | base64 -d; printf hi | base64
----
printf abc | sha256sum; printf abc | md5sum | cut -c1-8; printf abc >f; sha256sum f
----
dd if=/dev/zero bs=10 count=3 2>/dev/null | wc -c; printf abcdef | dd bs=2 count=2 2>/dev/null; echo
----
find . -type f | sort; mkdir -p d/e; touch d/a d/e/b; find d | sort; find d -name 'b'; find . -maxdepth 1 -type d; find d -type f -exec echo {} \; | sort; find d -type f -exec echo {} + | wc -l
----
touch a b; ls | xargs echo; printf 'a\0b c\0' | xargs -0 -n1 echo; printf 'x y\n' | xargs -I{} echo '<{}>'
----
date -u -d @0 +%Y-%m-%dT%H:%M:%S; date -u -d @1700000000 '+%s %j'
----
umask 022; touch f; mkdir d; stat -c %a f d; chmod 600 f; stat -c '%a %s' f; umask; chmod u+x,go-r f; stat -c %a f
----
env -i A=1 env; A=2 env | grep ^A=; printenv NOSUCH; echo $?
----
timeout 5 echo ok; timeout 0.05 sleep 5; echo $?
----
nohup echo n 2>/dev/null; setsid -w echo s; setsid echo s2 | cat
----
getopts ab: o -a -b x; echo $o; getopts ab: o -a -b x; echo $o $OPTARG; getopts ab: o -a -b x; echo $? $OPTIND
----
echo $$ | grep -c '^[0-9]*$'; (echo $$) | grep -c .; [ $$ = $(echo $$) ] && echo same
----
echo "${x:-"a b"}" "${x:-'q'}" ${x:-'a  b'} "${x:-a  b}"; x="it's"; echo "${x}"
----
x='*'; touch a; echo $x "$x" ${x}; y="a b"; echo ${y#a }
----
echo "a\$b\`c\"d\\e\f"; echo 'a\b'; echo a\
b; echo "a\
b"
----
echo ~ | grep -c /; x=~; [ "$x" = "$HOME" ] && echo home; echo "~"
----
echo $(( $(echo 3) + ${y:-4} )); echo "$((1+1))"; x=3; echo $(($x*$x)) $((x*x))
----
! false; echo $?; ! true; echo $?; ! false && echo n
----
if ! grep -q x /dev/null; then echo nox; fi
----
a() { b; }; b() { return 4; }; a; echo $?
----
f() { for i in 1 2 3; do [ $i = 2 ] && return 9; done; }; f; echo $?
----
f() { echo $#; shift; echo "$@"; }; f 'a b' c d
----
x=1; { x=2; }; echo $x; (x=3); echo $x; echo | x=4; echo $x
----
echo a; # comment
echo a#b '#c' # d
----
echo one; echo two & wait; echo three
----
: >f; [ -s f ] || echo empty; echo x >f; [ -s f ] && echo full
----
set -C; echo a >f; echo b >f; echo $?; echo c >|f; cat f
----
echo abc >f; { cat f; echo more >>f; cat f; }
----
ls nosuch 2>/dev/null || echo failed
----
x=$(cat <<EOF
in here
EOF
); echo "$x"
----
x="a
b"; echo "$x"; echo $x
----
while read -r l; do echo "[$l]"; done <<EOF
one
two
EOF
----
echo $(for i in 1 2; do echo $i; done)
----
if [ 1 = 1 ]
then
  echo multi
fi
for i in a \
  b
do echo $i
done
case a in
  a)
    echo A
    ;;
  b) echo B
esac
----
f()
{
  echo newline brace
}
f
----
f() ( echo subshell body; exit 3 ); f; echo $?
----
{ echo g; } >f && cat f
----
for f in *; do echo "$f"; done
----
echo 'echo in; return 4; echo no' >s; . ./s; echo $?
----
echo $-| grep -c e; set -e; echo $- | grep -c e
----
exec echo replaced; echo no
----
(exec echo replaced); echo yes
----
echo a >d1; cat d1 - <<EOF
b
EOF
----
cat /proc/self/stat >/dev/null && echo proc
----
read x </dev/null; echo $?
----
yes | head -n 2
----
trap '' PIPE; echo ok
----
printf '%s\n' "$(printf 'a\n\n\n')" | wc -l
----
x=abc; echo ${x%c} ${x%%[bc]*} ${x#?} "${x%"c"}"; p='b*'; echo ${x%$p} "${x%"$p"}"
----
x='a:b'; echo "${x%%:*}" "${x#*:}"; set -- ${x%%:*}; echo $1
----
echo ${#} ${#x}; set -- a b; echo ${#} $#; echo ${1}${2} ${3-no}
----
set -- 1 2 3 4 5 6 7 8 9 10; echo $10 ${10}
----
i=0; while [ $((i=i+1)) -le 2 ]; do echo $i; done
----
echo "$(echo "nested $(echo "deep")")"
----
x=5; while [ $x -gt 0 ]; do x=$((x-1)); [ $x = 2 ] && break; done; echo $x
----
test -e /dev/null && echo dev; echo x >/dev/null; cat /dev/null
----
(echo a; echo b) | (read x; echo $x; cat)
----
{ echo 1; echo 2; } | { read a; read b; echo $b $a; }
----
echo "a b" | while read x y; do z=$y; echo $z; done; echo "[$z]"
----
exit
----
(exit 3); exit
----
kill -s KILL $$; echo no
----
sh -c 'kill -9 $$'; echo $?
----
sh -c 'trap "echo t; exit 5" TERM; kill $$; sleep 1; echo no'; echo $?
----
wait 99999; echo $?
----
break; echo still
----
echo a && { echo b; false; } || echo c
----
true; echo $?; false; echo $?; ! :; echo $?
----
x=1 y=$x; echo $y
----
x=`echo a`b; echo $x
----
unset x; x=${x:-$(echo d)}; echo $x
----
[ -t 0 ] || echo notty </dev/null
----
hash -r; ulimit -n >/dev/null; echo ok
----
mkdir -p x; cd x; pwd | sed 's|.*/||'; cd ..; cd - >/dev/null; pwd | sed 's|.*/||'
----
cd nosuch 2>/dev/null; echo $?
----
echo foo | tee f | cat; cat f; echo bar | tee -a f >/dev/null; cat f
----
if true; then; fi
----
echo "unterminated
----
echo a; )
----
for i in; do echo no; done; echo ok
----
while false; do :; done; echo $?
----
if false; then :; fi; echo $?
----
case x in y) ;; esac; echo $?
----
f() { return; }; false; f; echo $?
----
x=10; echo $((x /= 3)) $((x + 1))
----
echo $((1 ? 2 : 3/1)); echo $((0 && 1/0))
----
echo $((1/0)); echo no
----
trap 'echo got' USR1; (sleep 0.05; kill -USR1 $$; sleep 0.3) & wait $!; echo $?; kill $!
----
f() { trap 'echo left' EXIT; }; f; echo x
----
x=$(echo a | (cat; echo b)); echo "$x"
----
exec 3>&1; x=$(echo hidden; echo shown >&3); echo $x
----
{ echo out; echo err >&2; } >o 2>e; cat e o
----
echo a >f & wait; cat f
----
(sleep 5 >/dev/null 2>&1 &) ; echo $?
----
keep() { sleep 0.1; echo >f; }; x=$(keep </dev/null >/dev/null 2>&1 &); [ -e f ] && echo waited; wait
----
x=$({ sleep 0.2; echo >f; } </dev/null >/dev/null 2>&1 &); [ -e f ] || echo went on
----
keep() { exec </dev/null >/dev/null 2>&1; sleep 0.2; echo >f; }; x=$(keep &); [ -e f ] || echo went on
----
x=$(sleep 0.2 >/dev/null & echo a); echo $x
----
echo $(sleep 0 & echo x)
----
false & wait $!; echo $?
----
f() { echo "$*"; }; IFS=,; f a b c
----
set -- -n; [ "$1" = -n ] && echo minus; [ -n "$1" ] && echo full
----
x=-; case $x in -*) echo dash;; esac; case '' in '') echo empty;; esac
----
printf '%s' 'no newline' | while read -r l || [ -n "$l" ]; do echo "<$l>"; done
----
printf 'a b\tc\n' | { read -r a b c; echo "$a,$b,$c"; }
----
n=0; for i in 1 2 3; do n=$((n + i)); done; echo total $n
----
x='one two'; set -- $x; echo $2 $#; x=; set -- $x; echo $#
----
y=$(printf 'l1\nl2\n'); printf '%s\n' "$y" | tail -n 1
----
mkdir t; (cd t && echo in >f); cat t/f; rm -rf t; ls | wc -l
----
a=b; eval $a=c; echo $b; eval "echo \$$a"
----
until false; do break; done; echo $?
----
echo a; exit 300
----
if (exit 2); then :; else echo $?; fi
----
echo "$((`echo 4` * 2))" $((2*(3+4)))
----
test abc = 'a*' || echo literal; case abc in 'a*') echo no;; a*) echo yes;; esac
----
echo {a,b} a{1..3}
----
x=a; x=${x}b; x="$x c"; echo $x; echo ${x%% *}
----
cat <<EOF
${x:-default $(echo sub)} "${y:-q}" \
joined
EOF
----
cat <<"E F"
quoted delimiter $x
E F
----
f() { cat; }; f <<EOF
to a function
EOF
----
while read a b; do echo "$b $a"; done <<EOF | sort
1 x
2 w
EOF
----
ls -1 / | grep -x -e bin -e dev; [ -x /bin/sh ] && echo runs; [ -c /dev/null ] && echo device
----
truncate -s 1000 f; wc -c <f; dd if=/dev/zero of=g bs=1k count=4 2>/dev/null; wc -c <g; cmp f f 2>/dev/null; du -b g | cut -f1
----
mktemp -d tXXXXXX | cut -c1; x=$(mktemp ./fXXXXXX); [ -f "$x" ] && echo made
----
sort <<EOF | uniq -d
b
a
b
EOF
----
set -- "a b" c; for x in ${1+"$@"}; do echo "<$x>"; done
----
set -- a b; echo "x$@y" "x$*y"
----
echo $'a' 2>/dev/null | wc -l
----
mkdir -p d/e; echo x >d/a; : >d/e/empty; find d \( -name a -o -name empty \) ! -empty | sort; find d -type f -empty; find d -mindepth 2 | sort; find d -iname A; find d -path '*/e/*'; find d -size +0 -type f; find d -type f -print0 | tr '\0' '\n' | sort
----
mkdir -p d/e/f; touch d/1 d/e/2 d/e/f/3; find d -depth -type d; find d -type f -delete; find d | sort; find d -name e -a -type d -print; find d -nonsense 2>/dev/null || echo no
----
mkdir d; touch d/a d/b; find d -type f -exec test -e {} \; -exec echo has {} \; | sort; find d -name a -o -name b | sort; find d -newer d/none 2>/dev/null || echo no; find nowhere 2>/dev/null || echo none
----
echo hello >a; cp a b; cp -r . ../copy 2>/dev/null; mv b c; ls; cat c; rm -f nothing; rm nothing 2>/dev/null || echo no; mkdir d; cp a d; ls d; mv c d/; ls d | wc -l; rmdir d 2>/dev/null || echo full; rm -r d; ls
----
mkdir a; mkdir a 2>/dev/null || echo there; mkdir -p a/b/c; rmdir a/b/c; ls a; ln -s a l; ls l; readlink l; rm l; [ -d a ] && echo kept; chmod 700 a; ls -ld a | cut -c1-10; touch f; chmod u+x f; [ -x f ] && echo x; chmod 644 f; [ -x f ] || echo not
----
umask 022; umask; umask 077; : >f; ls -l f | cut -c1-10; set -u; (echo $none) 2>/dev/null || echo unset; set +u; set -f; echo *; set +f; set -- a b c; shift 2; echo $1 $#; unset x; readonly r=1; (r=2) 2>/dev/null || echo readonly; echo $r
----
trap 'echo bye' EXIT; (trap 'echo inner' EXIT; exit 3); echo $?; trap 'echo got' USR1; kill -USR1 $$; echo after; trap - USR1; exit 0
----
sleep 0.01 & wait $!; echo $?; (exit 7) & wait $!; echo $?; sh -c 'exit 5'; echo $?; false & wait; echo done; { sleep 5 & kill $!; wait $! 2>/dev/null; echo $?; }
----
printf '%d %5d|%-5d|%05d %x %X %o\n' 1 2 3 4 255 255 8; printf '%s %5s|%-5s|%.2s\n' a b c defg; printf '%c%c\n' xyz abc; printf '%%\n'; printf 'a\tb\\n\n'; printf '%b\n' 'x\ty'; printf '%s\n' a b c; printf '%.2f %e\n' 3.14159 1234.5
----
[ a = a ] && [ a != b ] && [ 1 -lt 2 ] && [ 2 -le 2 ] && [ 3 -gt 2 ] && [ 3 -ge 3 ] && [ 1 -eq 1 ] && [ 1 -ne 2 ] && echo ok; [ -n a -a -z '' ] && echo both; [ a = b -o 1 = 1 ] && echo either; [ ! -e none ] && echo not; test -f . || echo dir; : >f; [ -s f ] || echo empty; [ -r f ] && [ -w f ] && echo rw; [ x -lt 1 ] 2>/dev/null; echo $?
----
expr 1 + 2; expr 7 / 2; expr 7 % 2; expr 3 \* 4; expr 5 - 8; expr a = b; echo $?; expr 2 \> 1;
----
printf 'b 2\na 1\nc 3\n' >f; sort f; sort -r f; sort -k2 -n f; printf '3\n10\n2\n' | sort -n; printf 'a\na\nb\n' | uniq -c | tr -s ' '; printf 'a\na\nb\n' | uniq -d; printf 'a\na\nb\n' | uniq -u; printf 'b\na\nb\n' | sort -u
----
printf 'one\ntwo\nthree\n' >f; head -n 1 f; tail -n 1 f; tail -n +2 f; head -c 3 f; echo; tail -c 4 f; sed -n 2p f; sed 's/o/0/g' f; sed -n '/two/,$p' f; sed '1d;$d' f; sed -e 's/t/T/' -e 's/e$/E/' f; grep -c o f; grep -n two f; grep -v o f; grep -iE 'ONE|THREE' f; grep -q nothing f || echo none; grep -l one f; grep -F 'wo' f
----
echo abc | tr a-c A-C; echo aabb | tr -d a; echo 'a  b' | tr -s ' '; echo abc | tr -c 'a\n' .; echo a:b:c | cut -d: -f2; echo a:b:c | cut -d: -f1,3; echo abcdef | cut -c2-4; echo abcdef | cut -c3-; printf 'a\nb\n' | wc -l | tr -d ' '; printf abc | wc -c | tr -d ' '; echo a b c | wc -w | tr -d ' '
----
printf 'a\nb\nc\n' | tee f | head -n 1; cat f; echo x | cat - f; printf '1 2\n3 4\n' | while read -r a b; do echo $b $a; done; printf 'x' >>f; tail -c 1 f; echo; printf 'a\nb\n' | paste -s -d, - 2>/dev/null || echo a,b; printf 'a\nb\n' | xargs echo; printf '1\n2\n3\n' | xargs -n 2 echo
----
printf abc >f; sha256sum f; md5sum f; sha256sum <f | cut -c1-8; sha256sum f >sums; sha256sum -c sums; printf abd >f; sha256sum -c sums >/dev/null 2>&1 || echo changed; printf abc | base64; printf YWJj | base64 -d; echo; printf abc | od -An -tx1 | tr -d ' '; basename /a/b.c .c; dirname /a/b/c; seq 3; seq 2 2 6
----
dd if=/dev/zero of=f bs=1024 count=3 2>/dev/null; wc -c <f | tr -d ' '; printf abcdef >g; dd if=g bs=1 skip=2 count=3 2>/dev/null; echo; truncate -s 5 h 2>/dev/null; wc -c <h | tr -d ' '; printf XY | dd of=g bs=1 seek=1 conv=notrunc 2>/dev/null; cat g; echo
----
command -v echo; command -v nothing_here || echo no; type cd >/dev/null && echo yes; hash 2>/dev/null; f() { return 4; }; f; echo $?; unset -f f; f 2>/dev/null || echo gone; eval 'x=1; echo $x'; . /dev/null; echo $?; exec 3>out; echo to3 >&3; exec 3>&-; cat out; echo err >&2 2>/dev/null; cd / && pwd; cd - >/dev/null; echo $OLDPWD
----
uname -s; whoami >/dev/null && echo w; id -u >/dev/null && echo i; hostname >/dev/null 2>&1; nproc >/dev/null && echo n; date +%Y >/dev/null && echo d; df -Pk . | head -n 1 | cut -c1-10; du -s . >/dev/null && echo u; env | grep -c '^HOME='; X=1 env | grep '^X='; env -i A=1 sh -c 'echo $A'; ls -a . | head -n 2; ls -1 /dev/null; true; printenv HOME >/dev/null && echo p; which sh >/dev/null && echo s; tty >/dev/null || echo none
----
timeout 5 echo in; timeout 0.05 sleep 5; echo $?; nohup echo x 2>/dev/null; setsid sh -c 'echo z'; kill -0 $$ && echo alive; kill -0 999999 2>/dev/null || echo none; kill -l >/dev/null && echo l; sh -c 'kill -TERM $$'; echo $?; (sh -c 'kill -9 $$'); echo $?
"""


def scripts() -> list[str]:
    """All of them."""
    return [script.strip("\n") + "\n" for script in SCRIPTS.split("\n----\n")]
