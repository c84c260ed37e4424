// A site with Go's own server: net/http with its crypto/tls. Arguments: address, certificate, key, folder of pages,
// time-out in seconds.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

const mostBodyBytes = 1_000_000

func main() {
	address, certificate, key, folder := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	seconds, err := strconv.Atoi(os.Args[5])
	if err != nil {
		log.Fatal(err)
	}
	patience := time.Duration(seconds) * time.Second
	pages := http.FileServer(http.Dir(folder))
	handler := func(answer http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodPost {
			if _, err := io.Copy(io.Discard, http.MaxBytesReader(answer, request.Body, mostBodyBytes)); err != nil {
				http.Error(answer, "too large", http.StatusRequestEntityTooLarge)
				return
			}
		}
		pages.ServeHTTP(answer, request)
	}
	server := http.Server{
		Addr:              address,
		Handler:           http.HandlerFunc(handler),
		ReadHeaderTimeout: patience,
		WriteTimeout:      2 * patience,
		IdleTimeout:       patience,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	log.Fatal(server.ListenAndServeTLS(certificate, key))
}
