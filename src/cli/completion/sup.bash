# bash completion of sup
_sup() {
  local line=${COMP_LINE:0:COMP_POINT} words=() cur cut='' breaks answer
  read -ra words <<<"$line"
  if [[ $line == *[[:space:]] ]]; then words+=(""); fi
  cur=${words[${#words[@]}-1]}
  # Bash splits words at the characters of COMP_WORDBREAKS, and replaces only the text after the last of these characters. The
  # exception is "@", which bash replaces too.
  breaks=${COMP_WORDBREAKS//[^=:]/}
  if [[ -n $breaks ]]; then cut=${cur%"${cur##*["$breaks"]}"}; fi
  if [[ $COMP_WORDBREAKS == *@* && $cur == "$cut"*@* ]]; then cut=${cur%@*}; fi
  COMPREPLY=()
  while IFS= read -r answer; do
    answer=${answer%%$'\t'*}
    case $answer in
      :files) compopt -o default ;;
      :directories) compopt -o dirnames ;;
      *) COMPREPLY+=("${answer#"$cut"}") ;;
    esac
  done < <(SUP_WORDS=$(printf '%s\n' "${words[@]:1}" && printf .) "${1/#\~/$HOME}" complete 2>/dev/null)
}
complete -F _sup sup
