// The scripts that shells read. All they do is to ask tgtctl and to say it in their own way.
#include <cstring>

#include "ctl/tgtctl/completion.h"

namespace ctl {
namespace {

// Bash cuts words at : and =, which names and options of ours contain: the line is cut at blanks instead, and what bash
// takes for granted is taken off the answers.
constexpr const char* kBash =
    R"script(# bash completion for tgtctl: put it into /usr/share/bash-completion/completions/tgtctl, or source it.
_tgtctl() {
  local line=${COMP_LINE:0:COMP_POINT} current="" kept="" text rest
  local -a words
  read -ra words <<<"$line"
  if [[ $line == *[[:blank:]] ]]; then words+=(""); fi
  current=${words[${#words[@]} - 1]}
  local breaks=${COMP_WORDBREAKS//[^:=]/}
  if [[ -n $breaks && $current == *[$breaks]* ]]; then kept=${current%"${current##*[$breaks]}"}; fi
  COMPREPLY=()
  while IFS=$'\t' read -r text rest; do
    if [[ $text == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r text; do COMPREPLY+=("$text"); done < <(compgen -f -- "${current##*=}")
    else
      COMPREPLY+=("${text#"$kept"}")
    fi
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
  if [[ ${#COMPREPLY[@]} -eq 1 && ( ${COMPREPLY[0]} == *= || ${COMPREPLY[0]} == *, ) ]]; then compopt -o nospace; fi
}
complete -F _tgtctl tgtctl
)script";

constexpr const char* kZsh = R"script(#compdef tgtctl
# zsh completion for tgtctl: put it as _tgtctl into a folder of $fpath.
_tgtctl() {
  local line text
  local -a described
  for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      _files
    elif [[ -n $line ]]; then
      text=${line%%$'\t'*}
      described+=("${text//:/\\:}:${line#*$'\t'}")
    fi
  done
  (( ${#described} )) && _describe -t commands tgtctl described
}
if [[ ${funcstack[1]} == _tgtctl ]]; then _tgtctl "$@"; else compdef _tgtctl tgtctl; fi
)script";

constexpr const char* kFish = R"script(# fish completion for tgtctl: put it into ~/.config/fish/completions/tgtctl.fish.
function __tgtctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            echo "$line"
        end
    end
end
complete -c tgtctl -f -a '(__tgtctl_complete)'
)script";

}  // namespace

const char* completion_script(const std::string& shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  return shell == "fish" ? kFish : nullptr;
}

}  // namespace ctl
