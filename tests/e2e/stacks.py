#!/usr/bin/env python3
# tests/e2e/stacks.py: reads `babeltrace2 TRACE`, prints how many events name a stack, and each whose stack nobody had defined by then: neither its
# process, nor, as it was at the fork, its parent; for a child of vfork, which has its parent's memory, its parent at any time.
import re
import sys

VFORK = 2
line = re.compile(r'fdwarden:(op|life|stack): .*?\{ (.*)')


def number(text, name):
    return int(re.search(r'\b%s = (-?(?:0x)?[0-9A-Fa-f]+)' % name, text).group(1), 0)


known, named, missing = {}, 0, []
for text in sys.stdin:
    found = line.search(text)
    if not found:
        continue
    kind, fields = found.groups()
    pid = number(fields, 'pid')
    stacks = known.setdefault(pid, set())
    if kind == 'stack':
        stacks.add(number(fields, 'id'))
        continue
    op = re.search(r'op = \( "(\w+)"', fields).group(1)
    if op == 'PROC_START':
        known[pid] = stacks = set()
    elif op == 'FORK_CHILD':
        parent = known.setdefault(number(fields, 'arg'), set())
        known[pid] = stacks = parent if number(fields, 'kind') == VFORK else stacks | parent
    stack = number(fields, 'stack')
    named += stack != 0
    if stack and stack not in stacks:
        missing.append(text)
print(named)
sys.stdout.writelines(missing)
