# what: vim without a terminal: 1,000 files edited with swap and undo files, searched, sourced, diffed; shell commands, jobs, filters, crypt
# time: 120
exec 2>&1
mkdir a undo; many 1000 'i % 30 + 1' a/f; for f in a/f*; do printf 'END\n' >>$f; done
cat >edit.vim <<'END'
set nocp nohidden undofile undodir=undo directory=. updatecount=1 nomore
args a/*
silent argdo %s/1/one/ge | update
silent argdo normal! Goend
silent wall
silent vimgrep /one/j a/*
call writefile([string(len(getqflist()))], 'found')
let n = 0
for i in range(1, 60)
  let n += str2nr(system('wc -l <a/f' . i))
  let n += len(readfile('a/f' . i))
  call writefile(['x'], 'written', 'a')
endfor
call writefile([string(n)], 'counted')
edit filtered
call setline(1, ['c', 'b', 'a'])
%!sort
write
for i in range(1, 40)
  execute 'silent read !echo ' . i
  execute 'split a/f' . i | bwipeout
  silent source inner.vim
endfor
write
let done = 0
func! Out(ch, m)
  let g:done += 1
endfunc
for i in range(1, 30)
  let j = job_start(['/bin/echo', 'job'], {'out_cb': 'Out'})
endfor
while done < 30
  sleep 10m
endwhile
call writefile([string(done)], 'jobs')
edit a/f1
diffsplit a/f2
silent! TOhtml
qall!
END
echo 'let g:inner = get(g:, "inner", 0) + 1' >inner.vim
vim -es -N -u NONE -i viminfo -S edit.vim </dev/null; echo "status $?"
cat found counted jobs; wc -l <written; sha256sum <filtered; cat a/* | sha256sum; ls undo | wc -l; ls -A | grep -c swp
for i in $(seq 25); do vim -es -N -u NONE -i viminfo -c "e a/f$i" -c 'normal! Gdd' -c 'wq' </dev/null; echo $?; done | uniq -c; cat a/* | sha256sum
vim -es -N -u NONE -c 'w !cat' -c 'qa!' a/f9 </dev/null; echo "status $?"
