"""What carries a stream: ``lift`` makes operators of machines, the pump drives them.

``pump`` is the only file of the project that knows both Rx and anyio.
"""
