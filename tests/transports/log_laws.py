"""The laws that every log keeps.

A test class for each log inherits them, and gives the fixture ``storage``: where it keeps its streams.
"""

from tests.transports.log_content_laws import ContentLaws
from tests.transports.log_producer_laws import ProducerLaws


class LogLaws(ContentLaws, ProducerLaws):
    """All of them."""
