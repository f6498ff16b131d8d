#!/bin/sh
# A training run with curl alone. Arguments: the service key file. Prints what it saw, a line each.
set -eu
key=$1

field() { # the first string value of the JSON key $1 in what comes
  sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1
}

api=$(field AI_API_URL <"$key")/v2/lm
token=$(
  curl -fsS "$(field url <"$key")/oauth/token" -u "$(field clientid <"$key"):$(field clientsecret <"$key")" \
    -d grant_type=client_credentials | field access_token
)

aicore() { # a call: method, path, JSON
  curl -fsS -X "$1" "$api/$2" -H "Authorization: Bearer $token" -H 'AI-Resource-Group: default' \
    -H 'Content-Type: application/json' ${3:+--data "$3"}
}

artifact=$(
  aicore POST artifacts \
    '{"name": "pictures", "kind": "dataset", "url": "ai://default/in", "scenarioId": "flowers"}' | field id
)
configuration=$(
  aicore POST configurations "{\"name\": \"flowers\", \"scenarioId\": \"flowers\", \"executableId\": \"train-flowers\",
    \"inputArtifactBindings\": [{\"key\": \"pictures\", \"artifactId\": \"$artifact\"}]}" | field id
)
execution=$(aicore POST executions "{\"configurationId\": \"$configuration\"}" | field id)

looks=0
status=""
while [ "$status" != COMPLETED ] && [ "$status" != DEAD ] && [ "$status" != STOPPED ] && [ $looks -lt 20 ]; do
  looks=$((looks + 1))
  status=$(aicore GET "executions/$execution?\$select=status" | field status)
  echo "$status"
done
aicore GET "artifacts?executionId=$execution" | field url | sed "s/$execution/ID/" && echo
aicore GET 'executions/$count' && echo
curl -sS -o /dev/null -w '%{http_code} %{content_type}\n' "$api/executions"
