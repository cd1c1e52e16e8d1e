"""What a real model writes, parsed while it writes it: JSON by a schema, tool calls, programs."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from markdown_it import MarkdownIt
from pydantic import BaseModel, Field

import rxstream as rxs
from tests.sources.clients import NO_TLS

pytestmark = pytest.mark.anyio

#: The model's own template says nothing of tools. This one does, in the words such models are trained on.
TOOLS_TEMPLATE = """\
{%- if tools -%}<|im_start|>system
You can call functions. These are their signatures:
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>
To call a function, answer with a JSON object with its name and arguments within tags:
<tool_call>
{"name": <name>, "arguments": <object>}
</tool_call><|im_end|>
{% endif -%}
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.content %}{{ message.content }}{% endif %}
{%- if message.tool_calls -%}
{%- for call in message.tool_calls %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor -%}
{%- endif -%}
<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}"""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
        },
    },
}


class City(BaseModel):
    name: str
    population: int


class Cities(BaseModel):
    cities: list[City] = Field(max_length=3)


@asynccontextmanager
async def asking(model: rxs.LocalModel) -> AsyncGenerator[openai.AsyncOpenAI]:
    http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
    async with openai.AsyncOpenAI(base_url=model.base_url, api_key="none", http_client=http) as client:
        yield client


def request(prompt: str, **options: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": prompt}]
    return {"model": rxs.LocalModel.model, "messages": messages, "temperature": 0, "seed": 7, **options}


async def test_an_answer_by_a_schema_becomes_objects_of_the_model(local_model: rxs.LocalModel) -> None:
    schema = {"name": "cities", "schema": Cities.model_json_schema()}
    ask = request(
        "Name three large cities and their populations, as JSON.",
        max_tokens=300,
        response_format={"type": "json_schema", "json_schema": schema},
    )
    async with asking(local_model) as client:
        answer = rxs.from_chat(client, **ask)
        chunks = await rxs.to_list(answer)
    text = "".join(chunk.content for chunk in chunks)
    cities = await rxs.to_list(rxs.from_stream(chunks).pipe(rxs.parse_json(at="$.cities[*]", model=City)))
    assert cities == Cities.model_validate_json(text).cities
    assert cities
    items = await rxs.to_list(rxs.from_stream(chunks).pipe(rxs.parse_partial_json(model=Cities)))
    names = [item.value.cities[0].name for item in items if item.is_complete("$.cities[0].name")]
    assert set(names) == {cities[0].name}
    assert items[-1].complete
    assert items[-1].value == Cities.model_validate_json(text)


async def test_a_schemas_answer_that_hits_the_limit_is_no_whole_document(
    local_model: rxs.LocalModel,
) -> None:
    schema = {"name": "cities", "schema": Cities.model_json_schema()}
    ask = request(
        "Name three large cities and their populations, as JSON.",
        max_tokens=30,
        response_format={"type": "json_schema", "json_schema": schema},
    )
    async with asking(local_model) as client:
        chunks = await rxs.to_list(rxs.from_chat(client, **ask))
    assert "length" in [chunk.finish_reason for chunk in chunks]
    found: list[City] = []
    with pytest.raises(rxs.InvalidJSON, match="got the end of the text"):
        await rxs.to_list(
            rxs.from_stream(chunks).pipe(rxs.parse_json(at="$.cities[*]", model=City)), on_item=found.append
        )
    items = await rxs.to_list(rxs.from_stream(chunks).pipe(rxs.parse_partial_json(model=Cities)))
    assert items
    assert not items[-1].is_complete()


async def test_tool_calls_come_as_they_are_written() -> None:
    async with rxs.LocalModel(chat_template=TOOLS_TEMPLATE) as model, asking(model) as client:
        ask = request(
            "What is the weather in Paris for 3 days?",
            tools=[WEATHER],
            tool_choice="required",
            max_tokens=200,
        )
        # A model this small does not begin a call by itself.
        ask["messages"].append({"role": "assistant", "content": "<tool_call>\n"})
        chunks = await rxs.to_list(rxs.from_chat(client, **ask))
        by_hand: dict[int, str] = {}
        # By hand, with the synchronous client on both backends: the oracle is to be plain.
        http = openai.DefaultHttpxClient(verify=NO_TLS)
        with openai.OpenAI(base_url=model.base_url, api_key="none", http_client=http) as plain:
            stream: Any = plain.chat.completions.create(**ask, stream=True)
            for delta in (
                delta
                for chunk in stream
                for choice in chunk.choices
                for delta in choice.delta.tool_calls or ()
            ):
                by_hand[delta.index] = by_hand.get(delta.index, "") + (delta.function.arguments or "")
    calls = await rxs.to_list(rxs.from_stream(chunks).pipe(rxs.parse_tool_calls()))
    assert calls
    assert all(call.complete and call.name == "get_weather" for call in calls)
    assert [call.value for call in calls] == [json.loads(text) for text in by_hand.values()]
    assert calls[0].value["city"] == "Paris"
    growing = await rxs.to_list(rxs.from_stream(chunks).pipe(rxs.parse_tool_calls(partial=True)))
    assert [item for item in growing if item.complete] == calls
    seen = [item.value for item in growing if not item.complete and item.index == 0]
    assert {} in seen
    assert any(value.get("city") == "Paris" and "days" not in value for value in seen)


async def test_a_program_in_a_fence_comes_out_of_the_answer(local_model: rxs.LocalModel) -> None:
    ask = request("Write a Python function that adds two numbers.", max_tokens=200)
    async with asking(local_model) as client:
        chunks = await rxs.to_list(rxs.from_chat(client, **ask))
    text = "".join(chunk.content for chunk in chunks)
    blocks = await rxs.to_list(rxs.from_stream(chunks).pipe(rxs.parse_code_blocks()))
    fences = [token for token in MarkdownIt("commonmark").parse(text) if token.type == "fence"]
    assert [(block.code, block.info) for block in blocks] == [(token.content, token.info) for token in fences]
    assert "def " in blocks[0].code
    assert blocks[0].language == "python"
    growing = await rxs.to_list(rxs.from_stream(chunks).pipe(rxs.parse_code_blocks(partial=True)))
    assert "".join(item.delta for item in growing if item.index == 0) == blocks[0].code
    markdown = await rxs.to_list(rxs.from_stream(chunks).pipe(rxs.parse_markdown()))
    assert "".join(item.text for item in markdown if item.complete) == text
    assert [item.text for item in markdown if item.kind == "code"]
