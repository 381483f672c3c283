from __future__ import annotations

from headbox.content_app.cache import LruCache


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache: LruCache[str, int] = LruCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.get("a")

    cache.put("c", 3)

    assert [cache.get(key) for key in "abc"] == [1, None, 3]


def test_total_weight_is_bounded() -> None:
    cache: LruCache[str, int] = LruCache(10)
    for key in "abcde":
        cache.put(key, 1, weight=2)

    cache.put("large", 2, weight=7)
    cache.put("larger", 3, weight=11)

    assert [cache.get(key) for key in ("a", "e", "large", "larger")] == [None, None, None, None]


def test_value_that_is_put_again_weighs_once() -> None:
    cache: LruCache[str, int] = LruCache(10)
    for number in range(5):
        cache.put("a", number, weight=6)
    cache.put("b", 1, weight=4)

    assert [cache.get(key) for key in "ab"] == [4, 1]


def test_cleared_cache_is_empty() -> None:
    cache: LruCache[str, int] = LruCache(2)
    cache.put("a", 1, weight=2)
    cache.clear()
    cache.discard("a")
    cache.put("b", 1, weight=2)

    assert (cache.get("a"), cache.get("b")) == (None, 1)
