// Failures as Node programs log them (util.inspect of the error): blocks of lines after "SCENARIO\t".
import amqplib from "amqplib";
import axios from "axios";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import tls from "node:tls";
import { inspect } from "node:util";
import Redis from "ioredis";
import mysql from "mysql2/promise";
import pg from "pg";

const { POSTGRES_PORT, MYSQL_PORT, REDIS_PORT, CERTIFICATE, KEY } = process.env;

async function say(scenario, work) {
  let error = "none";
  try {
    await work();
  } catch (caught) {
    error = caught;
  }
  const text = inspect(error, { depth: 1 }).split("\n");
  const kept = text.filter((line) => !/^\s+at /.test(line));
  console.log(`${scenario}\t${kept.slice(0, 12).join("\\n")}`);
}

const query = async (port, password, host = "127.0.0.1", ssl = false) => {
  const client = new pg.Client({ host, port, user: "app", password, database: "shop", ssl });
  await client.connect();
  await client.end();
};
const ask = (port) =>
  new Promise((_, reject) => {
    const client = new Redis({ port, host: "127.0.0.1", retryStrategy: null });
    client.on("error", reject);
    client.get("k").catch(reject);
  });
const listen = (port) => new Promise((_, reject) => net.createServer().on("error", reject).listen(port, "127.0.0.1"));
const silent = net.createServer().listen(0, "127.0.0.1");
await new Promise((done) => silent.on("listening", done));
const quiet = silent.address().port;

await say("node/fetch refused 127.0.0.1:18999", () => fetch("http://127.0.0.1:18999/stock"));
await say("node/fetch dns inventory.shop.invalid", () => fetch("http://inventory.shop.invalid/stock"));
await say("node/fetch timeout -", () => fetch(`http://127.0.0.1:${quiet}/`, { signal: AbortSignal.timeout(200) }));
await say("node/axios refused 127.0.0.1:18999", () => axios.get("http://127.0.0.1:18999/stock"));
await say("node/axios timeout -", () => axios.get(`http://127.0.0.1:${quiet}/`, { timeout: 200 }));
await say(`node/net in-use 127.0.0.1:${quiet}`, () => listen(quiet));
await say("node/fs disk-full -", () => writeFile("/dev/full", "x"));
await say("node/pg refused 127.0.0.1:18999", () => query(18999, "x"));
await say("node/pg dns orders-db.shop.invalid", () => query(5432, "x", "orders-db.shop.invalid"));
if (POSTGRES_PORT) {
  await say("node/pg auth -", () => query(Number(POSTGRES_PORT), "wrong"));
  await say("node/pg tls -", () => query(Number(POSTGRES_PORT), "right", "127.0.0.1", true));
}
await say("node/mysql2 refused 127.0.0.1:18999", () => mysql.createConnection({ host: "127.0.0.1", port: 18999 }));
if (MYSQL_PORT) {
  await say("node/mysql2 auth -", () =>
    mysql.createConnection({ host: "127.0.0.1", port: Number(MYSQL_PORT), user: "app", password: "wrong" }),
  );
}
await say("node/ioredis refused 127.0.0.1:18999", () => ask(18999));
if (REDIS_PORT) await say("node/ioredis auth -", () => ask(Number(REDIS_PORT)));
await say("node/amqplib refused 127.0.0.1:18999", () => amqplib.connect("amqp://127.0.0.1:18999"));
if (CERTIFICATE) {
  const { readFileSync } = await import("node:fs");
  const server = tls.createServer({ cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) }).listen(0, "127.0.0.1");
  await new Promise((done) => server.on("listening", done));
  await say("node/fetch tls -", () => fetch(`https://127.0.0.1:${server.address().port}/`));
}
process.exit(0);
