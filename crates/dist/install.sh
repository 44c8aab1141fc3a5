#!/bin/sh
# Makes a rustup toolchain of the Cargo that lies beside this script and of a toolchain that is installed:
# a directory with a copy of that Cargo and links to all else. Downloads nothing, and changes no other toolchain.
set -eu

usage() {
    cat <<USAGE
Usage: sh install.sh [--base TOOLCHAIN] [--name NAME] [--cargo FILE]
       sh install.sh --uninstall [--name NAME]

  --base TOOLCHAIN  take all but Cargo from this toolchain, and not from the active one;
                    the new one is called \`dynamic-deps-TOOLCHAIN\`
  --name NAME       call the new toolchain so, and not \`dynamic-deps\`
  --cargo FILE      the Cargo to install, if it is not \`bin/cargo\` beside this script
  --uninstall       remove the toolchain

Run it again after \`rustup update\`, or to mend a toolchain of which something was removed: from
the archive, or from the copy in the toolchain, which keeps its name and what it is made of.
USAGE
}

# Prints a message and a line of help, and ends.
refuse() {
    printf 'error: %s\n\nhelp: %s\n' "$1" "$2" >&2
    exit 1
}

# Makes $2 have a link to each entry of $1 but $3, and no other link.
link_entries() {
    for entry in "$2"/*; do
        if [ -L "$entry" ]; then rm -f -- "$entry"; fi
    done
    for entry in "$1"/*; do
        file=${entry##*/}
        if [ "$file" = "$3" ] || [ ! -e "$entry" ]; then continue; fi
        ln -s -- "$entry" "$2/$file"
    done
}

base=
name=
cargo=
uninstall=
while [ $# -gt 0 ]; do
    case $1 in
    --base | --name | --cargo)
        [ $# -ge 2 ] || refuse "\`$1\` needs a value" "\`sh install.sh --help\` says more"
        case $1 in
        --base) base=$2 ;;
        --name) name=$2 ;;
        --cargo) cargo=$2 ;;
        esac
        shift
        ;;
    --uninstall) uninstall=1 ;;
    --help | -h)
        usage
        exit 0
        ;;
    *) refuse "there is no option \`$1\`" "\`sh install.sh --help\` lists them" ;;
    esac
    shift
done
here=$(cd -- "$(dirname -- "$0")" && pwd -P)
# The copy in a toolchain that was made renews that one.
if [ -f "$here/base-rustc" ]; then
    if [ -z "$name" ]; then name=${here##*/}; fi
    if [ -z "$base" ]; then base=$(cat -- "$here/base"); fi
fi
if [ -z "$name" ]; then name=dynamic-deps${base:+-$base}; fi
case $name in
*[!A-Za-z0-9._-]* | [.-]*)
    refuse "a toolchain cannot be called \`$name\`" "choose a name of letters, digits, \`.\`, \`_\` and \`-\` with \`--name\`"
    ;;
esac

if [ -z "$cargo" ]; then cargo=$here/bin/cargo; fi

if ! command -v rustup >/dev/null 2>&1; then
    PATH=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin
fi
if ! command -v rustup >/dev/null 2>&1; then
    refuse "there is no rustup, so no toolchain can be made" \
        "get rustup from https://rustup.rs and run this again; or, with a Rust of your own, call \`$cargo\` in the place of \`cargo\`"
fi
rustup_home=${RUSTUP_HOME:-${HOME:-}/.rustup}
directory=$rustup_home/cargo-dynamic-deps/$name

if [ -n "$uninstall" ]; then
    if [ ! -d "$directory" ]; then
        refuse "there is no toolchain \`$name\` that this script has made" "\`rustup toolchain list\` names all"
    fi
    rustup toolchain uninstall "$name"
    rm -rf -- "$directory"
    rmdir -- "$rustup_home/cargo-dynamic-deps" 2>/dev/null || true
    echo "the toolchain \`$name\` is removed; what it has built in target directories stays until \`cargo clean\`"
    exit 0
fi

[ -x "$cargo" ] || refuse "there is no Cargo \`$cargo\`" "unpack the whole archive and run \`install.sh\` where it lies"

if [ -z "$base" ]; then
    base=$(rustup show active-toolchain 2>/dev/null | sed -e 's/ .*$//' -e q)
    # Over itself, or over another one that was made so: over what that one was made of.
    if [ -f "$rustup_home/cargo-dynamic-deps/$base/base" ]; then
        base=$(cat -- "$rustup_home/cargo-dynamic-deps/$base/base")
    fi
fi
[ -n "$base" ] || refuse "no toolchain is active" "\`rustup default stable\` installs and activates one; or name one with \`--base\`"
sysroot=$(rustup run "$base" rustc --print sysroot) ||
    refuse "the toolchain \`$base\` has no rustc" "\`rustup toolchain list\` names those that are installed"
version=$(rustup run "$base" rustc -vV)
release=$(printf '%s\n' "$version" | sed -n 's/^release: //p')
minor=${release#*.}
minor=${minor%%.*}
case ${release%%.*}.$minor in
1.[0-9] | 1.[0-7][0-9] | 1.8[0-4])
    refuse "the toolchain \`$base\` is of Rust $release, and 1.85 or later is needed" \
        "\`rustup update\`, or name another with \`--base\`"
    ;;
esac
cargo_version=$("$cargo" --version) ||
    refuse "\`$cargo\` does not run on this system" "the README beside it says what it needs"

verb=made
if [ -d "$directory" ]; then verb=renewed; fi
mkdir -p -- "$directory/bin"
link_entries "$sysroot" "$directory" bin
link_entries "$sysroot/bin" "$directory/bin" cargo
# Never written in place: they may be running.
cp -- "$cargo" "$directory/bin/.cargo-new"
mv -f -- "$directory/bin/.cargo-new" "$directory/bin/cargo"
cp -- "$here/${0##*/}" "$directory/.install-new"
mv -f -- "$directory/.install-new" "$directory/install.sh"
printf '%s\n' "$base" >"$directory/base"
# Cargo compares this with the rustc that it runs, and says so when that has become another one.
printf '%s\n' "$version" >"$directory/base-rustc"
rustup toolchain link "$name" "$directory"

cat <<DONE
The toolchain \`$name\` is $verb in \`$directory\`:
\`$cargo_version\`, with all else of \`$base\` (Rust $release).

Try it in a project of yours:
  cargo +$name build --dynamic-deps    # links the dependencies into shared objects
  cargo +$name run --dynamic-deps      # after an edit, links your code alone
  cargo +$name report dynamic-deps     # tells what was built, and how long it took

To remove it: sh '$directory/install.sh' --uninstall
DONE
