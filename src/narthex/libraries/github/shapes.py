"""What GitHub tells, and what of it a model is told: GitHub's own names, and only what counts.

Knows: members and their types; an answer that has others is not believed. Refuses to know: where they come from.
"""

from typing import Any

from msgspec import Struct, field

from narthex.libraries.github.bounds import body_chars_max, text_chars_max


class Told(Struct, omit_defaults=True):
    """What is empty is left out."""


class User(Told):
    login: str = ""


class Label(Told):
    name: str | None = None


class License(Told):
    spdx_id: str | None = None


class Repository(Told):
    full_name: str
    html_url: str = ""
    description: str | None = None
    language: str | None = None
    stargazers_count: int = 0
    forks_count: int = 0
    open_issues_count: int = 0
    default_branch: str = ""
    topics: list[str] = []
    license: License | None = None
    private: bool = False
    archived: bool = False
    pushed_at: str | None = None


class Issue(Told):
    """Or a pull request, where lists have both."""

    number: int
    title: str = ""
    state: str = ""
    state_reason: str | None = None
    html_url: str = ""
    user: User | None = None
    labels: list[Label | str] = []
    assignees: list[User] | None = None
    comments: int = 0
    locked: bool = False
    created_at: str | None = None
    updated_at: str | None = None
    closed_at: str | None = None
    body: str | None = None
    pull_request: dict[str, Any] | None = None


class Comment(Told):
    user: User | None = None
    created_at: str | None = None
    body: str | None = None


class Branch(Told):
    label: str | None = None
    ref: str = ""
    sha: str = ""


class PullRequest(Told):
    number: int
    title: str = ""
    state: str = ""
    draft: bool | None = None
    merged: bool | None = None
    mergeable: bool | None = None
    mergeable_state: str | None = None
    html_url: str = ""
    user: User | None = None
    head: Branch | None = None
    base: Branch | None = None
    labels: list[Label | str] = []
    commits: int | None = None
    additions: int | None = None
    deletions: int | None = None
    changed_files: int | None = None
    created_at: str | None = None
    updated_at: str | None = None
    merged_at: str | None = None
    body: str | None = None


class Signature(Told):
    name: str | None = None
    date: str | None = None


class CommitText(Told):
    message: str = ""
    author: Signature | None = None


class ChangedFile(Told):
    filename: str
    status: str = ""
    previous_filename: str | None = None
    additions: int = 0
    deletions: int = 0
    patch: str | None = None


class Commit(Told):
    sha: str
    html_url: str = ""
    commit: CommitText = field(default_factory=CommitText)
    author: User | None = None
    files: list[ChangedFile] = []


class Entry(Told):
    path: str
    type: str = ""
    size: int | None = None


class Content(Told):
    """A file, a directory, a link or a submodule."""

    type: str
    path: str = ""
    name: str = ""
    size: int = 0
    sha: str = ""
    encoding: str | None = None
    content: str | None = None
    entries: list[Entry] | None = None
    target: str | None = None
    submodule_git_url: str | None = None


# Answers of tools. `next_page`: there is more, under this number.


class Repositories(Told):
    total_count: int
    items: list[Repository]
    incomplete_results: bool = False
    next_page: int | None = None


class Issues(Told):
    items: list[Issue]
    total_count: int | None = None
    incomplete_results: bool = False
    next_page: int | None = None


class IssueWithComments(Told):
    issue: Issue
    comments: list[Comment] = []
    note: str = ""


class PullRequests(Told):
    items: list[PullRequest]
    next_page: int | None = None


class Commits(Told):
    items: list[Commit]
    next_page: int | None = None


class Entries(Told):
    items: list[Entry]
    note: str = ""


class Changes(Told):
    """Patches, as far as they have room; `note` says what is missing."""

    files: list[ChangedFile] = []
    commits: list[Commit] = []
    status: str | None = None
    ahead_by: int | None = None
    behind_by: int | None = None
    total_commits: int | None = None
    next_page: int | None = None
    note: str = ""


class Made(Told):
    number: int
    html_url: str


def shortened(text: str | None, most: int = body_chars_max) -> str | None:
    if text is None or len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most} more characters)"


def brief(issue: Issue) -> Issue:
    """As it stands in a list: without its text."""
    issue.body, issue.pull_request = None, None
    return issue


def within(files: list[ChangedFile]) -> str:
    """Takes away the patches that have no room in one answer; says which."""
    left, without = text_chars_max, 0
    for one in files:
        size = len(one.patch or "")
        if size > left:
            one.patch, without = None, without + 1
        else:
            left -= size
    if not without:
        return ""
    return f"{without} patches are left out: too much for one answer. get_file reads the files themselves."
