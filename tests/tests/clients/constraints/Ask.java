// Asks every address it is given, with both HTTP clients of the JDK, and prints what came of it.

import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

class Ask {
    interface Way {
        int ask(URI url) throws Exception;
    }

    static void by(Way way, String url) {
        try {
            System.out.println(url + " " + way.ask(URI.create(url)));
        } catch (Exception error) {
            System.out.println(url + " " + error);
        }
    }

    public static void main(String[] urls) {
        HttpClient client = HttpClient.newHttpClient();
        for (String url : urls) {
            by(to -> ((HttpURLConnection) to.toURL().openConnection()).getResponseCode(), url);
            by(to -> client.send(HttpRequest.newBuilder(to).build(), HttpResponse.BodyHandlers.ofString()).statusCode(), url);
        }
    }
}
