# what: git with hooks that read and write, filters, an external diff, a credential helper and an editor
# time: 60
exec 2>&1
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git init -q --bare -b main hub.git && git init -q -b main work && cd work || exit 1
hook() { printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod +x "$1"; }
for h in pre-commit prepare-commit-msg commit-msg post-commit pre-push pre-rebase post-checkout post-merge; do
	hook .git/hooks/$h "echo $h \$# ; case $h in pre-push) cat | wc -l;; commit-msg) sed -i s/bad/good/ \"\$1\";; esac"
done
hook ../hub.git/hooks/pre-receive 'while read old new ref; do echo "pre-receive $ref"; done; exit 0'
hook ../hub.git/hooks/update 'echo "update $1"; [ "$1" != refs/heads/locked ]'
hook ../hub.git/hooks/post-receive 'cat >/dev/null; echo post-receive'
git config filter.case.clean 'tr a-z A-Z' && git config filter.case.smudge 'tr A-Z a-z'
echo '*.up filter=case' >.gitattributes
git remote add origin ../hub.git
for i in $(seq 8); do
	echo "line $i" >>text; echo "up $i" >>x.up
	git add -A && git commit -q -m "bad $i"
done
git log --format=%s | sort -u
git show HEAD:x.up | tail -1
git push origin main 2>&1 | grep -v '^To '
git push origin main:locked 2>&1 | grep -v '^To '
hook ../differ 'echo "differ $1"'
GIT_EXTERNAL_DIFF=$PWD/../differ git diff HEAD~2 -- text
hook ../editor 'echo edited >"$1"'
GIT_EDITOR=$PWD/../editor git commit -q --amend --allow-empty; git log -1 --format=%s
hook ../helper 'cat >/dev/null; echo username=u; echo password=p'
printf 'protocol=https\nhost=x\n\n' | git -c credential.helper="$PWD/../helper" credential fill
git checkout -q -b topic HEAD~3 && echo t >t && git add t && git commit -q -m topic && git rebase -q main && git rev-list --count HEAD
git -c alias.hi='!echo hello' hi
git bisect start -q HEAD HEAD~6 >/dev/null && git bisect run sh -c '[ $(wc -l <text) -lt 5 ]' | tail -1 | cut -c1-20
