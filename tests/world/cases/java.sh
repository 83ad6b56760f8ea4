# what: Java: files, NIO selectors, an HTTP server, processes, threads by the hundred, signals, and a stack that overflows
# time: 90
cat >World.java <<'EOF'
import com.sun.net.httpserver.*;
import java.io.*;
import java.net.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class World {
	static int depth;
	static void deep() { depth++; deep(); }
	static void files() throws Exception {
		ExecutorService e = Executors.newFixedThreadPool(8);
		AtomicInteger sum = new AtomicInteger();
		for (int i = 0; i < 2000; i++) {
			int n = i % 40;
			e.submit(() -> {
				Path p = Path.of("f" + n + "." + Thread.currentThread().getId());
				Files.writeString(p, "x".repeat(n));
				try (FileChannel c = FileChannel.open(p)) { sum.addAndGet((int)c.size()); }
				return null;
			});
		}
		e.shutdown();
		System.out.println("files " + e.awaitTermination(60, TimeUnit.SECONDS) + " " + sum);
	}
	static void selector() throws Exception {
		Selector s = Selector.open();
		ServerSocketChannel l = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
		l.configureBlocking(false).register(s, SelectionKey.OP_ACCEPT);
		int port = ((InetSocketAddress)l.getLocalAddress()).getPort(), echoed = 0;
		Thread t = new Thread(() -> {
			for (int i = 0; i < 300; i++)
				try (Socket c = new Socket("127.0.0.1", port)) { c.getOutputStream().write(7); c.getInputStream().read(); } catch (IOException x) { System.out.println(x); }
		});
		t.start();
		while (echoed < 300) {
			s.select();
			for (Iterator<SelectionKey> k = s.selectedKeys().iterator(); k.hasNext();) {
				SelectionKey key = k.next();
				k.remove();
				if (key.isAcceptable()) { l.accept().configureBlocking(false).register(s, SelectionKey.OP_READ); continue; }
				ByteBuffer b = ByteBuffer.allocate(16);
				SocketChannel c = (SocketChannel)key.channel();
				if (c.read(b) > 0) { c.write(b.flip()); echoed++; } else c.close();
			}
		}
		t.join();
		s.close();
		l.close();
		System.out.println("echoed " + echoed);
	}
	static void http() throws Exception {
		HttpServer h = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
		h.createContext("/", x -> { x.sendResponseHeaders(200, 5); x.getResponseBody().write("hello".getBytes()); x.close(); });
		h.setExecutor(Executors.newFixedThreadPool(4));
		h.start();
		int n = 0;
		for (int i = 0; i < 30; i++)
			try (InputStream in = new URL("http://127.0.0.1:" + h.getAddress().getPort() + "/").openStream()) { n += in.readAllBytes().length; }
		h.stop(0);
		((ExecutorService)h.getExecutor()).shutdown();
		System.out.println("served " + n);
	}
	static void processes() throws Exception {
		for (int i = 0; i < 20; i++) {
			Process p = new ProcessBuilder("sh", "-c", "cat; exit " + i).redirectErrorStream(true).start();
			try (OutputStream o = p.getOutputStream()) { o.write("in ".getBytes()); }
			System.out.println(new String(p.getInputStream().readAllBytes()).trim() + " " + p.waitFor());
		}
	}
	public static void main(String[] a) throws Exception {
		Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
		files();
		selector();
		http();
		processes();
		try { deep(); } catch (StackOverflowError e) { System.out.println("overflow " + (depth > 1000)); }
		try { Object o = null; o.hashCode(); } catch (NullPointerException e) { System.out.println("null"); }
		Thread[] t = new Thread[300];
		for (int i = 0; i < 300; i++) { t[i] = new Thread(() -> { try { new FileInputStream("/dev/null").close(); } catch (IOException e) { System.out.println(e); } }); t[i].start(); }
		for (Thread x : t) x.join();
		System.out.println("threads");
		new ProcessBuilder("kill", "-TERM", "" + ProcessHandle.current().pid()).start();
		Thread.sleep(30000);
	}
}
EOF
javac -d . World.java; echo "status $?"
java -XX:+UseSerialGC -Xmx256m World; echo "status $?"
