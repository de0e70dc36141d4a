// A program for the JVM, whose sockets are IPv6 ones that carry IPv4 addresses. It asks with both HTTP clients of the
// JDK, and prints a status and an answer for each.

import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

class Jvm {
    static final String ASK = """
        {"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}""";

    public static void main(String[] words) throws Exception {
        URI messages = URI.create(words[0] + "/v1/messages");
        String key = words[1];

        HttpURLConnection old = (HttpURLConnection) messages.toURL().openConnection();
        old.setRequestMethod("POST");
        old.setRequestProperty("x-api-key", key);
        old.setRequestProperty("content-type", "application/json");
        old.setDoOutput(true);
        try (OutputStream body = old.getOutputStream()) {
            body.write(ASK.getBytes(StandardCharsets.UTF_8));
        }
        InputStream answer = old.getResponseCode() < 400 ? old.getInputStream() : old.getErrorStream();
        System.out.println(old.getResponseCode() + " " + new String(answer.readAllBytes(), StandardCharsets.UTF_8));

        HttpRequest request = HttpRequest.newBuilder(messages)
            .header("x-api-key", key)
            .header("content-type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(ASK))
            .build();
        HttpResponse<String> response =
            HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(response.statusCode() + " " + response.body());

        // The connections are kept open, so they still stand there.
        String port = String.format(":%04X ", messages.getPort());
        System.out.println("IPv6 socket: " + Files.readString(Path.of("/proc/self/net/tcp6")).contains(port + "01 "));
    }
}
