#!/bin/sh
# Starts redis-server with the users of users.acl; the passwords come from files, one per user, as Docker and
# Kubernetes mount secrets. Usage: start.sh USERS_ACL SECRETS_FOLDER [redis-server options]
set -eu
users=$1 secrets=$2
shift 2
folder=$(mktemp -d)
chmod 700 "$folder"
# What may follow a password in the file is a blank: a password with one would end early, or grant something.
for name in worker reader doctor; do
    file=$secrets/redis-$name-password
    if [ ! -s "$file" ]; then
        echo "start.sh: expected the password of allocast-$name in $file" >&2
        exit 2
    fi
    if grep -q '[[:space:]|&\\]' "$file"; then
        echo "start.sh: $file: a password must hold no blank and none of | & \\" >&2
        exit 2
    fi
done
sed -e "s|@worker@|$(cat "$secrets/redis-worker-password")|" \
    -e "s|@reader@|$(cat "$secrets/redis-reader-password")|" \
    -e "s|@doctor@|$(cat "$secrets/redis-doctor-password")|" "$users" > "$folder/users.acl"
exec redis-server --aclfile "$folder/users.acl" "$@"
