// A language model on this machine behind the chat-completions API of OpenAI, on loopback only.
//
//     npm install node-llama-cpp@3.22.1
//     node benchmarks/local_llm.mjs MODEL.gguf [PORT] [THREADS] [TOKENS]
//     OPENAI_BASE_URL=http://127.0.0.1:8000/v1 skillnb evaluate labels --teacher NAME --postings 20 --set label.workers=1 --set label.timeout=900
//
// TOKENS bounds every answer: a small model does not know
// when to stop. Structured output by JSON schema becomes a grammar. One request at a time; every request starts from an empty context.
import { createServer } from "node:http"
import { getLlama, LlamaChatSession } from "node-llama-cpp"

const [path, port = "8000", threads = "2", tokens = "8192"] = process.argv.slice(2)
const llama = await getLlama({ gpu: false, maxThreads: +threads })
const model = await llama.loadModel({ modelPath: path })
const context = await model.createContext({ contextSize: 8192, threads: +threads })
const sequence = context.getSequence()
const texts = { system: m => ({ type: "system", text: m.content }), user: m => ({ type: "user", text: m.content }),
                assistant: m => ({ type: "model", response: [m.content] }) }

async function complete({ messages, response_format, max_completion_tokens, temperature }) {
  const prompt = messages.reduce((n, m) => n + model.tokenize(m.content).length + 4, 0)
  if (prompt + 64 > 8192) return [400, { error: { message: `maximum context length is 8192 tokens, found ${prompt}`, code: "context_length_exceeded" } }]
  const schema = response_format?.json_schema?.schema
  const grammar = schema && await llama.createGrammarForJsonSchema(schema)
  await sequence.clearHistory()
  const session = new LlamaChatSession({ contextSequence: sequence, autoDisposeSequence: false })
  session.setChatHistory(messages.slice(0, -1).map(m => texts[m.role](m)))
  const done = await session.promptWithMeta(messages.at(-1).content, { grammar, temperature, maxTokens: Math.min(max_completion_tokens ?? 1024, +tokens, 8192 - prompt - 32) })
  session.dispose()
  const content = done.responseText, completion = model.tokenize(content).length
  const choice = { index: 0, finish_reason: done.stopReason === "maxTokens" ? "length" : "stop", message: { role: "assistant", content, refusal: null } }
  return [200, { id: "local", object: "chat.completion", created: Math.floor(Date.now() / 1000), model: "local", choices: [choice],
                 usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion } }]
}

let last = Promise.resolve()   // requests wait for the one before
createServer((request, response) => {
  const parts = []
  request.on("data", part => parts.push(part)).on("end", () => {
    last = last.then(() => complete(JSON.parse(Buffer.concat(parts)))).catch(e => [500, { error: { message: String(e) } }]).then(([status, body]) => {
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body))
    })
  })
}).listen(+port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/v1`))
