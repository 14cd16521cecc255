"""Conditions: what is refused when saved and where, what they come to, and how they are explained."""

from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewards.conditions import CONTEXTS, ConditionError, compiled, context_fields
from services.rewards.conditions.__main__ import tables
from services.rewards.conditions.contexts import MentionContext, MentionFacts, example
from shared.contracts.rewards import Trigger

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def mention(**facts: object) -> MentionContext:
    return MentionContext(mention=MentionFacts.model_validate({"posted_at": AT, **facts}), now=AT)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("true", True),
        ("mention.sentiment > 0.3", True),
        ("mention.sentiment > 1", False),
        ("1 > mention.sentiment", True),
        ("mention.followers >= 99.5", True),
        ("mention.followers == 100.0 && mention.language in ['ru', 'en']", True),
        ("mention.products.exists(p, p == '8001') || ambassador.known", True),
        ("'coffee' in mention.hashtags", True),
        ("!ambassador.known && ambassador.tier == ''", True),
        ("size(mention.hashtags) == 1 && mention.network.startsWith('tele')", True),
        ("mention.language.matches('^(ru|be)$')", True),
        ("now - mention.posted_at < duration('48h')", True),
        ("mention.posted_at >= timestamp('2026-11-22T00:00:00Z')", True),
        ("now.getDayOfWeek('Europe/Berlin') == 0", True),
        ("(mention.likes > 5 ? mention.views : mention.likes) > 1", False),
        ("mention.likes / mention.views > 1", False),
    ],
)
def test_holds(text: str, holds: bool) -> None:
    facts = mention(
        network="telegram", language="ru", sentiment=0.7, followers=100, products=["8001"], hashtags=["coffee"]
    )
    assert compiled("mention_approved", text).holds(facts) is holds


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("mention.sentiment > ", 1, 21, "it ends too early"),
        ("", 1, 1, "it ends too early"),
        ("mention.sentimnt > 0", 1, 9, "Did you mean sentiment?"),
        ("mentions.likes > 0", 1, 1, "Did you mean mention?"),
        ("mention.sentiment > 'a'", 1, 21, "Texts stand in quotes"),
        ("mention.language = 'ru'", 1, 18, "Equality is written =="),
        ("mention.language == \u2018ru\u2019", 1, 21, "straight quotes"),
        ("true and false", 1, 6, "&& for and"),
        ("mention.followers", 1, 1, "must be true or false"),
        ("mention.likes > 0 &&\n  order.total > 1", 2, 3, "nothing called order"),
        ("mention.language == null", 1, 21, "ever null"),
        ("has(mention.likes)", 1, 1, "not needed"),
        ("mention == 'x'", 1, 12, "Its fields"),
        ("mention.posted_at > '2026-01-01'", 1, 21, "timestamp('2026"),
        ("mention.language.matches('[')", 1, 26, "regular expression"),
        ("mention.hashtags.exists(h, h)", 1, 28, "must be true or false"),
        (
            "mention.hashtags.exists(a, mention.hashtags.exists(b, mention.hashtags.exists(c, c == a)))",
            1,
            72,
            "too deeply",
        ),
        ("(" * 40 + "true" + ")" * 40, 1, 31, "too deeply"),
        ("1 in ['a']", 1, 6, "cannot hold"),
        ("{'a': 1}.a == 1", 1, 1, "not used in conditions"),
        ("mention.likes ? true : false", 1, 1, "before ?"),
    ],
)
def test_errors_point_at_the_spot(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compiled("mention_approved", text)
    assert says in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def tried(text: str) -> bool | ConditionError:
    try:
        return compiled("mention_approved", text).holds(mention())
    except ConditionError as error:
        return error


@given(st.text("mention.lks><=&|!()'\"+-*/%[]?:10 ,sizeruthnow\n", max_size=60))
def test_any_text_is_a_condition_or_a_condition_error(text: str) -> None:
    found = tried(text)
    if isinstance(found, ConditionError):
        assert 1 <= found.line <= text.count("\n") + 1
        assert found.column >= 1
    else:
        assert found in (True, False)


@given(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
def test_numbers_compare_by_value(left: int, right: int, sign: str) -> None:
    wanted = eval(f"{left} {sign} {right}")  # the oracle is Python
    facts = mention(followers=left, sentiment=float(right))
    assert compiled("mention_approved", f"mention.followers {sign} mention.sentiment").holds(facts) is wanted


def test_failing_condition_is_not_true_and_says_why() -> None:
    condition = compiled("mention_approved", "mention.likes / mention.views > 0")
    assert not condition.holds(mention())
    told = condition.explain(mention())
    assert told.holds is None
    assert "zero" in told.because


def test_explanation_shows_every_part() -> None:
    condition = compiled(
        "mention_approved", "mention.sentiment > 0.3 && (mention.language == 'de' || !ambassador.known) && true"
    )
    told = condition.explain(mention(sentiment=0.7, language="ru"))
    assert told.holds is True
    assert [(part.text, part.holds, part.because) for part in told.parts] == [
        ("mention.sentiment > 0.3", True, "0.7 > 0.3"),
        ("mention.language == 'de' || !ambassador.known", True, ""),
        ("true", True, ""),
    ]
    inner = told.parts[1].parts
    assert [(part.text, part.holds, part.because) for part in inner] == [
        ("mention.language == 'de'", False, "'ru' == 'de'"),
        ("!ambassador.known", True, ""),
    ]
    assert (inner[0].line, inner[0].column) == (1, 29)


@pytest.mark.parametrize("trigger", get_args(Trigger))
def test_every_trigger_is_documented_and_its_example_is_valid(trigger: Trigger) -> None:
    assert type(example(trigger)) is CONTEXTS[trigger]
    assert context_fields(trigger)
    for field in context_fields(trigger):
        compiled(trigger, f"{field.path} == {field.path}")


def test_docs_show_the_contexts_as_they_are() -> None:
    assert tables() in (Path(__file__).parents[3] / "docs" / "rewards.md").read_text()
