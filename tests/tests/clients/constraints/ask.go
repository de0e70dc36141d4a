// Asks each address once, and says what came of it. Go trusts the file that SSL_CERT_FILE names.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	for _, address := range os.Args[1:] {
		client := http.Client{Timeout: 5 * time.Second}
		answer, err := client.Get(address)
		if err != nil {
			fmt.Println(address, err)
			continue
		}
		fmt.Println(address, answer.Status)
		answer.Body.Close()
	}
}
