# what: git: commit, branch, merge, gc, clone, fetch, fsck of local repositories
# time: 90
# quick: yes
exec 2>&1
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git init -q -b main one && cd one || exit 1
for i in $(seq 25); do
	for j in 1 2 3; do seq $((i * j)) >file$((i % 7)).$j; done; mkdir -p many; many 150 "i + $i" many/f
	git add -A && git commit -q -m "commit $i"
done
git rev-parse HEAD
git checkout -q -b side HEAD~5 && echo side >side.txt && git add -A && git commit -q -m side
git checkout -q main && git merge -q -m merge side && git rev-parse HEAD
echo 'print("x")' >hook.txt
printf '#!/bin/sh\necho hook ran; cat\n' >.git/hooks/post-commit && chmod +x .git/hooks/post-commit
git add -A && git commit -m hooked </dev/null | head -3
git gc -q && git count-objects -v | grep -E '^(count|packs|in-pack)'
git fsck --full && git stash list
cd .. && git clone -q one two && git -C two log --oneline | sha256sum
git clone -q --no-local one three && git -C three rev-parse HEAD
echo new >two/new && git -C two add -A && git -C two commit -q -m new && git -C two push -q origin HEAD:refs/heads/pushed
git -C three fetch -q && git -C three branch -r
git -C three archive origin/pushed | tar -tf - | sort | sha256sum
git -C one diff --stat HEAD~3 | tail -1
git -C one grep -c 17 | sort
git -C one repack -q -a -d && git -C one rev-list --objects --all | sort | sha256sum; echo "status $?"
git -C one blame file3.1 | wc -l
git clone -q nowhere four; echo "status $?"
