"""asyncio_server.py PORT: answers every request with "hello", by asyncio alone; connections are kept unless the client says close."""
import asyncio, signal, sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n%s\r\nhello\n"


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            close = b"connection: close" in head.lower()
            writer.write(ANSWER % (b"Connection: close\r\n" if close else b""))
            await writer.drain()
            if close:
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=512):
        await end.wait()


asyncio.run(main())
