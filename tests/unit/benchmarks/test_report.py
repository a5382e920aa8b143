"""The performance page says what the result files say."""

from benchmarks.report.page import PAGE, page


def test_the_performance_page_is_made_of_the_result_files() -> None:
    assert PAGE.read_text() == page()
