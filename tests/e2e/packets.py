#!/usr/bin/python3
"""tests/e2e/packets.py COMMAND FILE...: stream files of LTTng, packet by packet. For damage.bats; knows the header LTTng-UST 2.13 writes.

list F: number, offset, content, size, discarded of each packet with events    drop F N [renumber]: without packet N (of those)
number F PID: one bit is something else in the number of the first event of a process's first thread
corrupt F N: 64 bytes in the middle of packet N    header F N: its header is noise    cut F N: the file ends in the middle of it
"""
import struct
import sys

HEADER = struct.Struct("<I16sIQQQQQQQI")


def packets(data):
    at = 0
    while at < len(data):
        magic, _, _, _, _, _, content, size, number, discarded, _ = HEADER.unpack_from(data, at)
        assert magic == 0xC1FC1FC1
        yield at, content // 8, size // 8, number, discarded
        at += size // 8


def main(command, path, which=None, renumber=None):
    with open(path, "rb") as f:
        data = bytearray(f.read())
    if command == "number":
        data[data.index(struct.pack("<II", int(which), int(which))) - 1] ^= 1 << 6
        with open(path, "wb") as f:
            f.write(data)
        return
    all_of_them = list(packets(data))
    full = [p for p in all_of_them if p[1] > HEADER.size]
    if command == "list":
        for at, content, size, number, discarded in full:
            print(number, at, content, size, discarded)
        return
    at, content, size, number, _ = full[int(which)]
    if command == "drop":
        if renumber:
            for later, _, _, n, _ in all_of_them:
                if n > number:
                    struct.pack_into("<Q", data, later + 64, n - 1)
        del data[at:at + size]
    elif command == "corrupt":
        data[at + content // 2:at + content // 2 + 64] = b"\xa5" * 64
    elif command == "header":
        data[at:at + HEADER.size] = b"\x5a" * HEADER.size
    elif command == "cut":
        del data[at + content // 2:]
    with open(path, "wb") as f:
        f.write(data)


main(*sys.argv[1:])
