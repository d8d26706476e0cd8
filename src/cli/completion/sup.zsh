#compdef sup
# zsh completion of sup. Install it as _sup in a directory of $fpath, or source it after compinit.
_sup() {
  local -a line answers found
  local answer value
  line=("${(@Q)words[2,CURRENT-1]}" "$PREFIX")
  if (( CURRENT == 2 )); then line=("$PREFIX"); fi
  answers=("${(@f)$(SUP_WORDS="${(F)line}"$'\n.' ${(Q)words[1]} complete 2>/dev/null)}")
  for answer in $answers; do
    case $answer in
      :files) _files ;;
      :directories) _files -/ ;;
      *)
        value=${answer%%$'\t'*}
        found+=("${value//:/\\:}:${answer#*$'\t'}")
        ;;
    esac
  done
  if (( $#found )); then _describe -t sup sup found; fi
}
if [[ $funcstack[1] == _sup ]]; then _sup "$@"; else compdef _sup sup; fi
