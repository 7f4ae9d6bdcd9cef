// Failures as the JDK throws them: blocks "SCENARIO<TAB>stack trace".
import java.io.FileOutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

public class Failures {
    interface Work {
        void run() throws Exception;
    }

    static void say(String scenario, Work work) {
        String text = "none";
        try {
            work.run();
        } catch (Throwable thrown) {
            StringWriter trace = new StringWriter();
            thrown.printStackTrace(new PrintWriter(trace));
            text = String.join("\\n", trace.toString().strip().split("\n"));
        }
        System.out.println(scenario + "\t" + text);
    }

    static void get(String url) throws Exception {
        HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofMillis(500)).build();
        client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    static void old(String url) throws Exception {
        var connection = URI.create(url).toURL().openConnection();
        connection.setReadTimeout(300);
        connection.getInputStream();
    }

    public static void main(String[] arguments) throws Exception {
        InetAddress here = InetAddress.getByName("127.0.0.1");
        ServerSocket silent = new ServerSocket(0, 8, here);
        String quiet = "http://127.0.0.1:" + silent.getLocalPort();
        say("java/http refused -", () -> get("http://127.0.0.1:18999/stock"));
        say("java/http timeout -", () -> get(quiet));
        say("java/url refused -", () -> old("http://127.0.0.1:18999/stock"));
        say("java/url timeout -", () -> old(quiet));
        say("java/url dns inventory.shop.invalid", () -> old("http://inventory.shop.invalid/stock"));
        say("java/socket refused -", () -> new Socket("127.0.0.1", 18999));
        say("java/socket in-use -", () -> new ServerSocket(silent.getLocalPort(), 8, here));
        say("java/file disk-full -", () -> { try (var out = new FileOutputStream("/dev/full")) { out.write(1); } });
        say("java/heap out-of-memory -", () -> { long[][] all = new long[1 << 16][]; for (int i = 0; ; i++) all[i] = new long[1 << 22]; });
        System.exit(0);
    }
}
