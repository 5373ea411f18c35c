// What every client for Node is asked to do, and what has to come of it; the same as tests/clients/python/cells.py.
//
// A client is {name, refusals, broken, say, stream, work, streamWork, look, shape, leave, refused}; `refusals`: by the provider's
// status, the one that the user is told and the class of the library's error; `broken`: the class where the provider breaks off a
// stream with an error; `others`: cases of its own by name, which get the target. The order comes as JSON on standard
// input; one line of JSON a cell goes to standard output: {client, provider, case, ok, problem}.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';

export const SYSTEM = 'Be brief.';
export const QUESTION = 'What will the weather be?';
export const DISH = {
    type: 'object',
    properties: {
        name: {type: 'string'},
        course: {type: 'string', enum: ['starter', 'main', 'dessert']},
        minutes: {type: 'integer'},
        vegetarian: {type: 'boolean'},
        steps: {type: 'array', items: {type: 'string'}},
    },
    required: ['name', 'course', 'minutes', 'vegetarian', 'steps'],
    additionalProperties: false,
};

const AT_ONCE = 6;
const SECONDS = 40;

const CASES = {
    async plain(client, models, asked) {
        echoed(await client.say(models.echo, asked.text), asked);
    },
    async stream(client, models, asked) {
        const said = await client.stream(models.echo, asked.text);
        echoed(said, asked);
        assert.ok(said.pieces > 1, `${said.pieces} piece`);
    },
    async tools(client, models, asked) {
        const tools = asked.tools.slice(0, 1);
        worked(await client.work(models.tools, tools), tools, asked);
    },
    async 'stream+tools'(client, models, asked) {
        const done = await client.streamWork(models.tools, asked.tools);
        worked(done, asked.tools, asked);
        assert.ok(done.answer.pieces > 1, `${done.answer.pieces} piece`);
    },
    async image(client, models, asked) {
        const said = await client.look(models.tools, asked.image);
        for (const word of asked.seen) {
            assert.ok(said.text.includes(word), `${word} is not in ${said.text}`);
        }
    },
    async schema(client, models) {
        const dish = await client.shape(models.tools);
        assert.deepEqual(Object.keys(dish).sort(), [...DISH.required].sort());
        assert.ok(typeof dish.name === 'string' && DISH.properties.course.enum.includes(dish.course), JSON.stringify(dish));
        assert.ok(Number.isInteger(dish.minutes) && typeof dish.vegetarian === 'boolean', JSON.stringify(dish));
        assert.ok(dish.steps.length && dish.steps.every((step) => typeof step === 'string'), JSON.stringify(dish));
    },
    async error(client, models) {
        await failed(429, client, models);
        await failed(400, client, models);
    },
    async fault(client, models, asked) {
        const told = await refusal(client, () => client.stream(models.fault, asked.text));
        assert.equal(told.kind, client.broken, JSON.stringify(told));
        assert.ok(told.message.includes(models['fault said']), JSON.stringify(told));
    },
    async abort(client, models) {
        const pieces = await client.leave(models.slow);
        assert.ok(pieces > 0 && pieces < 50, `${pieces} pieces`);
    },
};

// Every status that the client has a class for, and is not in the case `error` already.
for (const status of [401, 403, 404, 413, 500, 503, 529]) {
    CASES[`error-${status}`] = (client, models) => failed(status, client, models);
}

async function failed(status, client, models) {
    const told = await refusal(client, () => client.say(models[status], 'hello'));
    assert.deepEqual([told.status, told.kind], client.refusals[status], JSON.stringify(told));
    assert.ok(told.message.includes(`scripted status ${status}`), JSON.stringify(told));
}

function echoed(said, asked) {
    assert.equal(said.text, asked.text);
    assert.deepEqual(said.tokens, [11, asked.text.split(' ').length]);
}

function worked(done, tools, asked) {
    assert.deepEqual(done.calls, tools.map((tool) => [tool.name, asked.arguments[tool.name]]));
    assert.ok(done.answer.text.includes(asked.result), done.answer.text);
}

async function refusal(client, call) {
    let said;
    try {
        said = await call();
    } catch (error) {
        return client.refused(error);
    }
    throw new Error(`an answer instead of an error: ${JSON.stringify(said)}`);
}

// The errors of the official SDKs carry their status.
export function statusOf(error) {
    return {kind: error.constructor.name, status: error.status, message: error.message};
}

// The ids of a list, page after page.
export async function idsOf(list) {
    const ids = [];
    for await (const {id} of list) {
        ids.push(id);
    }
    return ids;
}

// The text of a stream, and in how many pieces it came.
export async function gather(stream, textOf) {
    const pieces = [];
    for await (const event of stream) {
        const text = textOf(event);
        if (text) {
            pieces.push(text);
        }
    }
    return {text: pieces.join(''), pieces: pieces.length};
}

export async function run(...makers) {
    const asked = JSON.parse(readFileSync(0, 'utf8'));
    const cells = makers.flatMap((make) => {
        const client = make(asked);
        const casesOf = (target) => asked.cases.filter((name) => has(client, target, name));
        return asked.targets.flatMap((target) => casesOf(target).map((name) => ({client, target, name})));
    });
    const one = async () => {
        for (let cell = cells.shift(); cell; cell = cells.shift()) {
            console.log(JSON.stringify(await carryOut(cell, asked)));
        }
    };
    await Promise.all(Array.from({length: AT_ONCE}, one));
}

// Not every client has a class for every status, nor does every provider know it.
function has(client, target, name) {
    if (name === 'fault') {
        return client.broken !== undefined;
    }
    if (!(name in CASES)) {
        return other(client, name) !== undefined;
    }
    const [, status] = name.match(/^error-(\d+)$/) ?? [];
    return status === undefined || (status in client.refusals && status in target.models);
}

// As many cases of its own as the client has.
function other(client, name) {
    return client.others?.[name];
}

async function carryOut({client, target, name}, asked) {
    let problem = '';
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no end after ${SECONDS} s`)), SECONDS * 1000);
    });
    try {
        const work = other(client, name)?.(target) ?? CASES[name](client, target.models, asked);
        await Promise.race([work, late]);
    } catch (error) {
        problem = `${error.constructor.name}: ${error.message}`.slice(0, 600);
    }
    clearTimeout(timer);
    return {client: client.name, provider: target.provider, case: name, ok: !problem, problem};
}
