import { SMTPServer, type SMTPServerOptions } from "smtp-server";

/** A real SMTP server with its own certificate. The only account is `sup` with the password `mail-password`. */
export async function mailServer(options: SMTPServerOptions = {}) {
  const mails: Array<{ from: string; to: string[]; text: string; secure: boolean; user: unknown }> = [];
  const server = new SMTPServer({
    authOptional: true,
    onAuth: ({ username, password }, _session, callback) =>
      username === "sup" && password === "mail-password"
        ? callback(null, { user: username })
        : callback(new Error("Invalid username or password")),
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => void chunks.push(chunk));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({ from: mailFrom === false ? "" : mailFrom.address, to: rcptTo.map(({ address }) => address), text: Buffer.concat(chunks).toString("utf8"), secure: session.secure, user: session.user }); // prettier-ignore
        callback();
      });
    },
    ...options,
  });
  server.on("error", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as { port: number };
  return { mails, port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}
