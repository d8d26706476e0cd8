# Debian packages of another architecture, without making it one of this machine: an apt of its own in $home/apt-ARCH.
# Sourced with $home set.
# shellcheck shell=bash
: "${home:?}"

# The path of a package, downloaded once.
foreign_deb() { # ARCH PACKAGE
  local file
  for file in "$home/apt-$1/$2"_*.deb; do [ ! -e "$file" ] || { echo "$file" && return 0; }; done
  foreign_apt "$1"
  (cd "$home/apt-$1" && APT_CONFIG=$home/apt-$1/conf apt-get -qq download "$2" </dev/null >&2)
  echo "$home/apt-$1/$2"_*.deb
}

# The first of a package's dependencies that matches.
foreign_depends() { # ARCH PACKAGE PATTERN
  foreign_apt "$1"
  APT_CONFIG=$home/apt-$1/conf apt-cache depends "$2" | sed -n "s/^ *Depends: \\($3.*\\)/\\1/p" | head -n 1
}

foreign_apt() { # ARCH
  local apt=$home/apt-$1
  [ ! -e "$apt/conf" ] || return 0
  mkdir -p "$apt/lists/partial" "$apt/archives/partial"
  : >"$apt/status"
  cat >"$apt/conf.new" <<END
APT::Architecture "$1";
APT::Architectures { "$1"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::State "$apt"; Dir::State::lists "$apt/lists"; Dir::State::status "$apt/status"; Dir::Cache "$apt";
END
  APT_CONFIG=$apt/conf.new apt-get -qq update </dev/null >&2
  mv "$apt/conf.new" "$apt/conf"
}
