// Failures as Go programs log them: one line "SCENARIO<TAB>text" each.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func say(scenario string, err error) {
	text := "none"
	if err != nil {
		text = strings.ReplaceAll(err.Error(), "\n", "\\n")
	}
	fmt.Printf("%s\t%s\n", scenario, text)
}

func get(url string, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	_, err := http.DefaultClient.Do(request)
	return err
}

func ping(driver, dsn string) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return db.PingContext(ctx)
}

func call(address string) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return err
}

func main() {
	silent, _ := net.Listen("tcp", "127.0.0.1:0")
	closing, _ := net.Listen("tcp", "127.0.0.1:0")
	go func() {
		for {
			conn, err := closing.Accept()
			if err != nil {
				return
			}
			conn.(*net.TCPConn).SetLinger(0)
			buffer := make([]byte, 1)
			conn.Read(buffer)
			conn.Close()
		}
	}()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	postgres, mysql := os.Getenv("POSTGRES_PORT"), os.Getenv("MYSQL_PORT")
	redisPort := os.Getenv("REDIS_PORT")

	say("go/http refused 127.0.0.1:18999", get("http://127.0.0.1:18999/stock", time.Second))
	say("go/http dns inventory.shop.invalid", get("http://inventory.shop.invalid:8080/stock", 5*time.Second))
	say("go/http timeout "+silent.Addr().String(), get("http://"+silent.Addr().String()+"/stock", 300*time.Millisecond))
	say("go/http reset "+closing.Addr().String(), get("http://"+closing.Addr().String()+"/stock", time.Second))
	say("go/http tls "+secure.Listener.Addr().String(), get(secure.URL, time.Second))
	_, err := net.Listen("tcp", silent.Addr().String())
	say("go/net in-use "+silent.Addr().String(), err)
	say("go/os disk-full -", os.WriteFile("/dev/full", []byte("x"), 0o600))
	_, err = os.ReadFile("/proc/1/nonexistent")
	say("go/os none -", err)
	say("go/pq refused 127.0.0.1:18999", ping("postgres", "postgres://app:x@127.0.0.1:18999/shop?sslmode=disable"))
	say("go/pgx refused 127.0.0.1:18999", ping("pgx", "postgres://app:x@127.0.0.1:18999/shop?sslmode=disable"))
	say("go/pgx dns orders-db.shop.invalid", ping("pgx", "postgres://app:x@orders-db.shop.invalid:5432/shop?sslmode=disable"))
	if postgres != "" {
		say("go/pq auth -", ping("postgres", "postgres://app:wrong@127.0.0.1:"+postgres+"/shop?sslmode=disable"))
		say("go/pgx auth 127.0.0.1:"+postgres, ping("pgx", "postgres://app:wrong@127.0.0.1:"+postgres+"/shop?sslmode=disable"))
		say("go/pq tls -", ping("postgres", "postgres://app:right@127.0.0.1:"+postgres+"/shop?sslmode=require"))
	}
	say("go/mysql refused 127.0.0.1:18999", ping("mysql", "app:x@tcp(127.0.0.1:18999)/shop"))
	if mysql != "" {
		say("go/mysql auth -", ping("mysql", "app:wrong@tcp(127.0.0.1:"+mysql+")/shop"))
	}
	client := func(port string) *redis.Client {
		return redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port, MaxRetries: -1})
	}
	say("go/redis refused 127.0.0.1:18999", client("18999").Get(context.Background(), "k").Err())
	if redisPort != "" {
		say("go/redis auth -", client(redisPort).Get(context.Background(), "k").Err())
	}
	say("go/grpc refused 127.0.0.1:18999", call("127.0.0.1:18999"))
	say("go/grpc dns -", call("dns:///ledger.shop.invalid:50051"))
	say("go/grpc timeout -", call(silent.Addr().String()))
}
