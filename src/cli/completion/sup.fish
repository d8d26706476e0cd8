# fish completion of sup
function __sup_complete
    set -l words (commandline -opc)
    set -lx SUP_WORDS (string join \n -- $words[2..] (commandline -ct) . | string collect)
    for answer in ($words[1] complete 2>/dev/null)
        switch $answer
            case :files
                __fish_complete_path (commandline -ct)
            case :directories
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $answer
        end
    end
end
complete -c sup -f -a '(__sup_complete)'
