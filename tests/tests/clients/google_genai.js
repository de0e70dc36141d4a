// Drives the @google/genai library as a program of its user would, and prints what it got as JSON.

const { GoogleGenAI } = require('@google/genai');

const model = process.argv[2];
const ai = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY });
const weather = {
    name: 'weather',
    description: 'The weather of a city.',
    parametersJsonSchema: { type: 'object', properties: { city: { type: 'string' } } },
};

async function main() {
    const chat = ai.chats.create({ model, config: { tools: [{ functionDeclarations: [weather] }] } });
    let call;
    for await (const chunk of await chat.sendMessageStream({ message: 'The weather of Oslo?' })) {
        call = chunk.functionCalls?.[0] ?? call;
    }
    const result = { functionResponse: { id: call.id, name: call.name, response: { output: 'rain' } } };
    const pieces = [];
    for await (const chunk of await chat.sendMessageStream({ message: [result] })) {
        pieces.push(chunk.text ?? '');
    }
    const again = await chat.sendMessage({ message: 'And now?' });
    console.log(JSON.stringify({ call: [call.name, call.args], pieces, again: again.text }));
}

main();
