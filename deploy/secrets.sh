#!/bin/sh
# Makes the passwords of docker-compose.yml, once: deploy/secrets/NAME, which the containers see as /run/secrets/NAME.
# Readable by all inside that folder, because each container runs as another user; the folder is this user's alone.
set -eu
folder=$(dirname "$0")/secrets
mkdir -p "$folder"
chmod 711 "$folder"
for name in REDIS_PASSWORD ALLOCAST_OPERATOR_PASSWORD GRAFANA_PASSWORD; do
    if [ ! -s "$folder/$name" ]; then
        od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$folder/$name"
        chmod 644 "$folder/$name"
        echo "made $folder/$name"
    fi
done
