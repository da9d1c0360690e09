// Every new bar of one symbol, in Node: npm install && node consumer.mjs BROKER SYMBOL [COUNT]
import { Consumer, MessagesStreamModes } from "@platformatic/kafka";

const [broker, symbol, count] = process.argv.slice(2);
let left = count ? Number(count) : Infinity;
const consumer = new Consumer({
  groupId: `reader-node-${symbol}`,
  clientId: "allocast-example",
  bootstrapBrokers: [broker],
  // With TLS and a login: tls: { ca: fs.readFileSync("ca.pem") },
  // sasl: { mechanism: "SCRAM-SHA-256", username: "...", password: "..." }
});
const stream = await consumer.consume({
  topics: ["market.bars"],
  mode: MessagesStreamModes.COMMITTED,
  fallbackMode: "earliest",
  autocommit: false,
});
for await (const record of stream) {
  const headers = new Map([...record.headers].map(([name, value]) => [name.toString(), value.toString()]));
  if (headers.get("schema") === "bar/1") {
    const bar = JSON.parse(record.value.toString());
    if (bar.symbol === symbol) {
      console.log(bar.session_date, bar.close, `${record.topic}[${record.partition}]@${record.offset}`);
      left -= 1;
    }
  }
  await record.commit();
  if (left === 0) break;
}
await consumer.close(true);
