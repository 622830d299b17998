"""Converters for tests, as scripts for the small image: they copy their input, or misbehave."""

from __future__ import annotations

# What every one of them begins with: the arguments of BIOMERO's contract.
ARGUMENTS = """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
    --inputfile) input=$2; shift 2 ;;
    --outputfolder) output=$2; shift 2 ;;
    --altoutputfolder) alternative=$2; shift 2 ;;
    *) rest="$rest $1"; shift ;;
    esac
done
name=$(basename "$input")
stem=${name%%.*}
"""

COPY = 'cp "$input" "$output/$stem.ome.tif"\n'

SCRIPTS = {
    "copies": COPY + 'echo "some words"; echo "and$rest" >&2\n',
    "several": """
cp "$input" "$output/$stem-one.ome.tif"; cp "$input" "$output/$stem-two.ome.tif"
echo noise >&2
printf '%s' '[{"name": "first", "full_path": "'"$output/$stem-one.ome.tif"'", "alt_path": null, '
printf '%s' '"keyvalues": [{"stage": "one"}, {"n": [1, 2]}]}, '
printf '%s' '{"name": "second", "full_path": "'"$output/$stem-two.ome.tif"'", '
echo '"keyvalues": {"stage": "two"}}]'
echo; echo "  "
""",
    "object": COPY + """echo '{"full_path": "'"$output/$stem.ome.tif"'"}'\n""",
    "nothing": "exit 0\n",
    "says_nothing": "echo '[]'\n",
    "broken_json": COPY + """echo '[{"name": "x", "full_path": '\n""",
    "leaves": """cp "$input" /tmp/x.tif; echo '[{"full_path": "/tmp/x.tif"}]'\n""",
    "climbs": """echo '[{"full_path": "'"$output/../../etc/hostname"'"}]'\n""",
    "links_out": """ln -s "$input" "$output/a.tif"; echo '{"full_path": "'"$output/a.tif"'"}'\n""",
    "lies": """echo '[{"full_path": "'"$output/no.tif"'"}]'\n""",
    "empty": 'touch "$output/a.tif"\n',
    "garbage": 'echo no image > "$output/a.tif"\n',
    "pipe": """
mkdir "$output/set"; mkfifo "$output/set/b.ome.tif"; cp "$input" "$output/set/a.ome.tif"
echo '{"full_path": "'"$output/set"'"}'
""",
    "twins": """
cp "$input" "$output/a.ome.tif"; cp "$input" "$alternative/a.ome.tif"
echo '[{"full_path": "'"$output/a.ome.tif"'"}, {"full_path": "'"$alternative/a.ome.tif"'"}]'
""",
    "owned": COPY + 'chown 1234:1234 "$output/$stem.ome.tif"\n',
    "fails": "echo 'it is broken' >&2; exit 3\n",
    "hangs": "trap : TERM INT; sleep $seconds & sleep $seconds; sleep $seconds\n",
    "greedy": "x=$(head -c 300000000 /dev/zero | tr '\\0' 'a'); echo ${#x}; sleep 100\n",
    "half": 'head -c 1000 "$input" > "$output/$stem.ome.tif"\n',
    "slow": 'trap : TERM; cp "$input" "$output/half.tif"; sleep $seconds; sleep $seconds\n',
    "nosy": COPY
    + """
echo "net: $(ls /sys/class/net | tr '\\n' ' ')"
echo "home: $HOME"
(env | grep -iE 'OMERO|SECRET|proxy') && echo "sees our environment"
echo "ours: $OURS"
touch "$(dirname "$input")/written" && echo "writes beside its input"
echo x >> "$input" && echo "writes to its input"
mount -o remount,rw /data && echo "mounts anew"
touch /tmp/t && echo "has a tmp"
true
""",
}


def script(which: str) -> str:
    return ARGUMENTS + SCRIPTS[which]


def chooser() -> str:
    """One script that is all of them: `--which name` says which, `--seconds` how long it sleeps."""
    cases = "".join(f"{name})\n{body};;\n" for name, body in SCRIPTS.items())
    more = "".join(f"    --{name}) {name}=$2; shift 2 ;;\n" for name in ("which", "seconds"))
    which = ARGUMENTS.replace("    *) rest", f"{more}    *) rest")
    return f"{which}case $which in\n{cases}esac\n"
