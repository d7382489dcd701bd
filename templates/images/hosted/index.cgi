#!/bin/sh
# The web page of the host system: which machines there are, and a form to create, start, stop and delete
# them. GET shows them; POST with name=NAME&do=create|start|stop|delete acts first. There is no password:
# whoever reaches this page may use it.

export PATH=/usr/sbin:/usr/bin
inner=/usr/lib/virtlab/inner
home=/run/virtlab/inner
most=4 # machines, so that their memory is there

page() {
    echo "Status: $1"
    printf 'Content-Type: text/html; charset=utf-8\r\n\r\n'
    echo "<!DOCTYPE html><title>Machines of $(cat /etc/hostname)</title><h1>Machines of $(cat /etc/hostname)</h1>"
    [ -z "$2" ] || echo "<p>$2</p>"
    echo "<table>"
    $inner state | while read -r name state; do
        echo "<tr><td>$name</td><td>$state</td><td><form method=post><input type=hidden name=name value=$name>"
        echo "<button name=do value=start>start</button> <button name=do value=stop>stop</button>"
        [ ! -e "$home/$name/own" ] || echo "<button name=do value=delete>delete</button>"
        echo "</form></td></tr>"
    done
    echo "</table>"
    echo "<form method=post><input name=name maxlength=16> <button name=do value=create>create</button></form>"
    exit
}

[ "$REQUEST_METHOD" = POST ] || page "200 OK"

# The form's words; only what is listed here counts, and nothing of it is run.
name= action=
form=$(head -c 100)
while [ -n "$form" ]; do
    word=${form%%&*}
    case $form in *"&"*) form=${form#*&} ;; *) form= ;; esac
    case $word in
        name=*) name=${word#*=} ;;
        do=*) action=${word#*=} ;;
    esac
done
case $name in
    "" | -* | *[!a-z0-9-]* | ?????????????????*)
        page "400 Bad Request" "A name has up to 16 lower case letters, digits and hyphens."
        ;;
esac
[ "$action" = create ] || [ -d "$home/$name" ] || page "404 Not Found" "There is no machine $name."

case $action in
    create)
        [ ! -e "$home/$name" ] || page "409 Conflict" "There is a machine $name already."
        set -- "$home"/*/definition
        [ "$#" -lt "$most" ] || page "409 Conflict" "There are $# machines; there is no room for more."
        mkdir "$home/$name" && : >"$home/$name/own"
        said=$(printf '%s\n' kind=nested image=grub-timed memory=16 disks=1 disk-sizes=2 accel=tcg |
            $inner start "$name" 2>&1)
        ;;
    start) said=$($inner start "$name" 2>&1 <"$home/$name/definition") ;;
    stop) said=$($inner stop "$name" 2>&1) ;;
    delete)
        [ -e "$home/$name/own" ] || page "403 Forbidden" "$name belongs to the lab: stop it, but do not delete it."
        said=$($inner stop "$name" 2>&1) && cat "$home/$name/disks" 2>/dev/null | xargs -r rm -f &&
            rm -r "${home:?}/$name"
        ;;
    *) page "400 Bad Request" "Do what? create, start, stop or delete." ;;
esac && page "200 OK" "$name: $action done"
page "500 Internal Server Error" "$(echo "$said" | tail -n 1 | sed 's/&/\&amp;/g; s/</\&lt;/g')"
