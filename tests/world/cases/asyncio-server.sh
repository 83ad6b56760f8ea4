# what: a Python asyncio server: streams, threads for blocking work, children, clients that go away, all at once
# time: 60
cat >server.py <<'END'
import asyncio, sys, time

async def serve(reader, writer):
    try:
        while line := await reader.readline():
            word = line.split()
            if word[0] == b"echo":
                answer = line[5:]
            elif word[0] == b"thread":
                await asyncio.to_thread(time.sleep, 0.001)
                answer = b"thread\n"
            elif word[0] == b"child":
                p = await asyncio.create_subprocess_exec("/bin/echo", "child", stdout=asyncio.subprocess.PIPE)
                answer, _ = await p.communicate()
            else:
                break
            writer.write(answer)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()

async def client(port, n, lines):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for i in range(lines):
        kind = b"child" if i % 50 == 49 else b"thread" if i % 10 == 9 else b"echo"
        want = b"%d-%d\n" % (n, i) if kind == b"echo" else kind + b"\n"
        writer.write(kind + b" " + want if kind == b"echo" else kind + b"\n")
        got = await reader.readline()
        if got != want:
            return "wrong: %r for %r" % (got, want)
    if n % 2:
        writer.transport.abort()
    else:
        writer.close()
        await writer.wait_closed()
    return "right"

async def main(port):
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=256)
    for turn in range(3):
        answers = await asyncio.gather(*(client(port, n, 60) for n in range(40)))
        print(turn, {a: answers.count(a) for a in answers})
    many = [await client(port, n, 3) for n in range(300)]
    print({a: many.count(a) for a in many})
    server.close()
    await server.wait_closed()

asyncio.run(main(int(sys.argv[1])), debug=False)
END
/usr/bin/python3 server.py "$PORT"; echo "status $?"
