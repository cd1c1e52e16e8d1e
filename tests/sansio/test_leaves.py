from rxstream.sansio.leaves import Block, Leaf


def test_a_block_knows_where_it_begins_and_may_yet_become_another_kind() -> None:
    block = Block("paragraph", 3, 17)
    assert (block.kind, block.line, block.start) == ("paragraph", 3, 17)
    assert (block.level, block.info, block.marker) == (None, "", "")
    block.kind, block.level = "heading", 1


def test_nothing_open_is_a_leaf_too() -> None:
    assert Leaf.NONE in Leaf
