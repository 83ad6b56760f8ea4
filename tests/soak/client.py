"""tests/soak/client.py PORT CONNECTIONS RATE SECONDS: holds that many connections to 127.0.0.1 and asks RATE times a second over all of them, each in
turn; one in fifty is closed and made anew. Ends by itself; the last line: asked, answered, failed, made."""
import asyncio
import sys
import time

PORT, CONNECTIONS, RATE, SECONDS = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
count = {"asked": 0, "answered": 0, "failed": 0, "made": 0}


class Connection:
    def __init__(self):
        self.reader = self.writer = None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", PORT)
        count["made"] += 1

    async def ask(self):
        count["asked"] += 1
        self.writer.write(REQUEST)
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 60)
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        await asyncio.wait_for(self.reader.readexactly(length), 60)
        count["answered"] += head.startswith(b"HTTP/1.1 200")

    async def turn(self, number):
        try:
            if self.writer is None:
                await self.open()
            await self.ask()
            if number % 50 == 0:
                self.writer.close()
                self.writer = None
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as e:
            count["failed"] += 1
            print("failed:", repr(e), flush=True)
            self.writer = None


async def main():
    end = time.monotonic() + SECONDS
    connections = [Connection() for _ in range(CONNECTIONS)]
    running, number, due = set(), 0, time.monotonic()
    while time.monotonic() < end:
        task = asyncio.create_task(connections[number % CONNECTIONS].turn(number))
        running.add(task)
        task.add_done_callback(running.discard)
        number += 1
        due += 1 / RATE
        await asyncio.sleep(max(0, due - time.monotonic()))
    await asyncio.gather(*running)
    print(*("%s=%d" % pair for pair in count.items()), flush=True)


asyncio.run(main())
