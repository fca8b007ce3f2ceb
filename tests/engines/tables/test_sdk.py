"""Every operation, by the SDK of Azure over a socket."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import EdmType, EntityProperty, TableClient, TableEntity, TableServiceClient, UpdateMode
from azure.data.tables.aio import TableClient as AsyncTableClient

from standardized_modules.engines.tables.keys import KEY
from tests.engines.tables.conftest import RunningEmulator

ROW = {"PartitionKey": "p", "RowKey": "r"}
UNCHANGED = MatchConditions.IfNotModified


def code(problem: HttpResponseError) -> str:
    """What the emulator said; the SDK wraps it in an exception of its own for some codes only."""
    assert problem.response is not None
    return str(problem.response.headers["x-ms-error-code"])


def etag(entity: TableEntity) -> str:
    return str(entity.metadata["etag"])


class TestTables:
    def test_made_listed_and_deleted(self, account: TableServiceClient) -> None:
        account.create_table("Orders")
        assert {"Orders", "there"} <= {item.name for item in account.list_tables()}
        with pytest.raises(ResourceExistsError, match="TableAlreadyExists"):
            account.create_table("orders")
        account.create_table_if_not_exists("ORDERS")
        assert [item.name for item in account.query_tables("TableName eq 'Orders'")] == ["Orders"]
        account.delete_table("oRDERS")
        assert "Orders" not in {item.name for item in account.list_tables()}

    def test_pages(self, account: TableServiceClient) -> None:
        names = [f"page{number}" for number in range(5)]
        for name in names:
            account.create_table(name)
        wanted = "TableName ge 'page' and TableName lt 'pagf'"
        pages = [[item.name for item in page] for page in account.query_tables(wanted, results_per_page=2).by_page()]
        assert pages == [names[:2], names[2:4], names[4:]]

    @pytest.mark.parametrize("name", ["a", "1abc", "with-dash", "x" * 64, "tables"])
    def test_names(self, account: TableServiceClient, name: str) -> None:
        with pytest.raises((ValueError, HttpResponseError)):
            account.create_table(name)

    def test_one_that_is_not_there(self, account: TableServiceClient) -> None:
        table = account.get_table_client("nowhere")
        for call in (
            lambda: table.create_entity(ROW),
            lambda: table.get_entity("p", "r"),
            lambda: list(table.list_entities()),
        ):
            with pytest.raises(ResourceNotFoundError) as problem:
                call()
            assert code(problem.value) == "TableNotFound"


class TestEntities:
    def test_every_type_comes_back_as_it_was(self, table: TableClient) -> None:
        sent: dict[str, Any] = {
            "text": "Zoë \N{SNOWMAN} ''",
            "empty": "",
            "yes": True,
            "small": -5,
            "large": EntityProperty(2**62, EdmType.INT64),
            "half": 0.5,
            "whole": 3.0,
            "no_number": float("nan"),
            "endless": float("-inf"),
            "bytes": b"\x00\xff",
            "id": UUID(int=7),
            "moment": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
            "round": datetime(2026, 1, 2, tzinfo=UTC),
            "nothing": None,
        }
        table.create_entity({**ROW, **sent})
        found = table.get_entity("p", "r")
        assert sent.pop("nothing") is None
        assert found.keys() - ROW.keys() == sent.keys()
        assert repr(found.pop("no_number")) == repr(sent.pop("no_number"))
        assert {name: found[name] for name in sent} == sent
        assert {name: type(found[name]) for name in ("small", "half", "whole", "yes")} == {
            "small": int,
            "half": float,
            "whole": float,
            "yes": bool,
        }
        assert abs(found.metadata["timestamp"].timestamp() - time.time()) < 60

    def test_inserted_once(self, table: TableClient) -> None:
        made = table.create_entity(ROW)
        assert made["etag"] == etag(table.get_entity("p", "r"))
        with pytest.raises(ResourceExistsError) as problem:
            table.create_entity(ROW)
        assert (code(problem.value), problem.value.status_code) == ("EntityAlreadyExists", 409)

    def test_not_there(self, table: TableClient) -> None:
        for call in (
            lambda: table.get_entity("p", "r"),
            lambda: table.update_entity(ROW),
            lambda: table.update_entity(ROW, etag="W/\"datetime'x'\"", match_condition=UNCHANGED),
        ):
            with pytest.raises(ResourceNotFoundError) as problem:
                call()
            assert code(problem.value) == "ResourceNotFound"
        table.delete_entity("p", "r")  # The SDK lets it pass.

    @pytest.mark.parametrize("mode", [UpdateMode.REPLACE, UpdateMode.MERGE])
    def test_changed_if_it_is_as_it_was(self, table: TableClient, mode: UpdateMode) -> None:
        first = str(table.create_entity({**ROW, "a": 1, "b": 1})["etag"])
        change = {**ROW, "b": 2}
        second = str(table.update_entity(change, mode=mode, etag=first, match_condition=UNCHANGED)["etag"])
        assert second != first
        found = table.get_entity("p", "r")
        assert etag(found) == second
        assert dict(found) == {**change, **({"a": 1} if mode is UpdateMode.MERGE else {})}
        with pytest.raises(ResourceModifiedError) as problem:
            table.update_entity(change, mode=mode, etag=first, match_condition=UNCHANGED)
        assert problem.value.status_code == 412
        with pytest.raises(ResourceModifiedError):
            table.delete_entity(found, etag=first, match_condition=UNCHANGED)
        assert etag(table.get_entity("p", "r")) == second
        table.update_entity(change, mode=mode)
        table.delete_entity("p", "r")
        with pytest.raises(ResourceNotFoundError):
            table.get_entity("p", "r")

    @pytest.mark.parametrize("mode", [UpdateMode.REPLACE, UpdateMode.MERGE])
    def test_upserted(self, table: TableClient, mode: UpdateMode) -> None:
        table.upsert_entity({**ROW, "a": 1}, mode=mode)
        table.upsert_entity({**ROW, "b": 2}, mode=mode)
        assert dict(table.get_entity("p", "r")) == {**ROW, "b": 2, **({"a": 1} if mode is UpdateMode.MERGE else {})}

    @pytest.mark.parametrize("key", ["it''s", "a'b", "ä \N{SNOWMAN}", "100%", "a+b&c=d", "(x,y)", "", "x" * 1024])
    def test_keys(self, table: TableClient, key: str) -> None:
        row = {"PartitionKey": key, "RowKey": key, "a": 1}
        made = table.create_entity(row)
        assert dict(table.get_entity(key, key)) == row
        assert [dict(found) for found in table.query_entities("PartitionKey eq @k", parameters={"k": key})] == [row]
        table.update_entity(row, etag=made["etag"], match_condition=UNCHANGED)
        table.delete_entity(key, key)

    @pytest.mark.parametrize("key", ["a/b", "a\\b", "a#b", "a?b", "a\tb", "a\x80b", "x" * 1025, "\ud800"])
    def test_what_is_no_key(self, table: TableClient, key: str) -> None:
        with pytest.raises(HttpResponseError) as problem:
            table.create_entity({"PartitionKey": "p", "RowKey": key})
        assert problem.value.status_code == 400

    @pytest.mark.parametrize(
        ("wrong", "expected"),
        [
            ({"a-b": 1}, "PropertyNameInvalid"),
            ({"a" * 256: 1}, "PropertyNameInvalid"),
            ({"a": "x" * 32_769}, "PropertyValueTooLarge"),
            ({"a": b"x" * 65_537}, "PropertyValueTooLarge"),
            ({f"p{number}": 1 for number in range(253)}, "TooManyProperties"),
            ({f"p{number}": "x" * 32_000 for number in range(33)}, "EntityTooLarge"),
            ({"a": ("no", EdmType.GUID)}, "InvalidInput"),
            ({"a": ("no", EdmType.DATETIME)}, "InvalidInput"),
            ({"a": ("2026-13-01T00:00:00Z", EdmType.DATETIME)}, "InvalidInput"),
            ({"a": ("no", EdmType.DOUBLE)}, "InvalidInput"),
        ],
    )
    def test_limits(self, table: TableClient, wrong: dict[str, Any], expected: str) -> None:
        with pytest.raises(HttpResponseError) as problem:
            table.create_entity({**ROW, **wrong})
        assert code(problem.value) == expected
        assert list(table.list_entities()) == []

    def test_a_merge_may_not_make_it_too_wide(self, table: TableClient) -> None:
        table.create_entity({**ROW, **{f"a{number}": 1 for number in range(252)}})
        with pytest.raises(HttpResponseError, match="TooManyProperties"):
            table.update_entity({**ROW, "one_more": 1}, mode=UpdateMode.MERGE)

    def test_keys_are_needed(self, table: TableClient) -> None:
        with pytest.raises(ValueError, match="RowKey"):
            table.create_entity({"PartitionKey": "p"})


class TestQueries:
    @pytest.fixture
    def filled(self, table: TableClient) -> TableClient:
        """Ten rows in two partitions, of several types."""
        for number in range(10):
            table.create_entity(
                {
                    "PartitionKey": f"p{number % 2}",
                    "RowKey": f"{number}",
                    "number": number,
                    "half": number / 2,
                    "large": EntityProperty(number * 2**40, EdmType.INT64),
                    "even": number % 2 == 0,
                    "name": "it's" if number == 3 else f"name {number}",
                    "moment": datetime(2026, 1, 1 + number, tzinfo=UTC),
                    "id": UUID(int=number),
                    "bytes": bytes([number]),
                    **({"rare": 1} if number == 7 else {}),
                }
            )
        return table

    @pytest.mark.parametrize(
        ("wanted", "rows"),
        [
            ("PartitionKey eq 'p0'", "02468"),
            ("PartitionKey eq 'p1' and RowKey ge '5'", "579"),
            ("(PartitionKey eq 'p1') and number lt 4", "13"),
            ("number ge 3 and number le 5", "435"),
            ("3 lt number and 5 ge number", "45"),
            ("number eq 1 or number eq 2 and even eq true", "21"),
            ("(number eq 1 or number eq 2) and even eq true", "2"),
            ("not (number gt 1)", "01"),
            ("not even and number lt 4", "13"),
            ("even and number lt 4", "02"),
            ("half gt 3.9", "89"),
            ("half gt 3", "879"),
            ("half lt 1e0", "01"),
            ("large gt 7696581394432L", "89"),
            ("number gt -1 and number lt 1", "0"),
            ("name eq 'it''s'", "3"),
            ("name ge 'name 8'", "89"),
            ("moment lt datetime'2026-01-02T12:00:00Z'", "01"),
            ("moment eq datetime'2026-01-02T01:00:00+01:00'", "1"),
            ("id eq guid'00000000-0000-0000-0000-000000000004'", "4"),
            ("bytes eq X'05'", "5"),
            ("bytes eq binary'05'", "5"),
            ("rare ne 2", "7"),
            ("number eq '1'", ""),
            ("missing eq 1", ""),
            ("Timestamp gt datetime'2026-01-01T00:00:00Z'", "0246813579"),
        ],
    )
    def test_filters(self, filled: TableClient, wanted: str, rows: str) -> None:
        assert "".join(found["RowKey"] for found in filled.query_entities(wanted)) == rows

    def test_parameters_as_the_sdk_writes_them(self, filled: TableClient) -> None:
        wanted = "number lt @large and half lt @half and name ne @name and even eq @even and moment ge @moment"
        parameters = {
            "large": 2**40,
            "half": 4.25,
            "name": "name 2",
            "even": True,
            "moment": datetime(2026, 1, 2, tzinfo=UTC),
        }
        assert [found["RowKey"] for found in filled.query_entities(wanted, parameters=parameters)] == ["4", "6", "8"]

    @pytest.mark.parametrize(
        "wrong",
        [
            "number",
            "number eq",
            "number eq 1 and",
            "number is 1",
            "number eq 1)",
            "(number eq 1",
            "1 eq 1",
            "number eq half",
            "number eq 1.5L",
            "id eq guid'no'",
            "moment eq datetime'no'",
            "bytes eq X'0'",
            "name eq 'no end",
            " or ".join(["number eq 1"] * 16),
            "(" * 60 + "even" + ")" * 60,
            "not " * 5000 + "even",
        ],
    )
    def test_what_is_no_filter(self, filled: TableClient, wrong: str) -> None:
        if wrong == "number":
            assert list(filled.query_entities(wrong)) == [], "a property alone has to be a true boolean"
            return
        with pytest.raises(HttpResponseError) as problem:
            list(filled.query_entities(wrong))
        assert problem.value.status_code == 400

    def test_pages(self, filled: TableClient) -> None:
        pages = list(filled.list_entities(results_per_page=3).by_page())
        rows = ["".join(found["RowKey"] for found in page) for page in pages]
        assert rows == ["024", "681", "357", "9"]
        paged = filled.query_entities("number gt 1", results_per_page=4).by_page()
        assert "".join(found["RowKey"] for found in next(paged)) == "2468"
        filled.delete_entity("p1", "3")  # where the next page would begin
        rest = filled.query_entities("number gt 1").by_page(continuation_token=paged.continuation_token)
        assert "".join(found["RowKey"] for page in rest for found in page) == "579"

    def test_a_thousand_at_most(self, table: TableClient) -> None:
        for number in range(1001):
            table.create_entity({"PartitionKey": "p", "RowKey": f"{number:04}"})
        assert [len(list(page)) for page in table.list_entities().by_page()] == [1000, 1]
        with pytest.raises(HttpResponseError, match=r"\$top"):
            list(table.list_entities(results_per_page=1001))

    def test_some_properties(self, filled: TableClient) -> None:
        (found,) = filled.query_entities("RowKey eq '4'", select=["number", "even"])
        assert dict(found) == {"number": 4, "even": True}
        assert etag(found) == etag(filled.get_entity("p0", "4"))


class TestSignatures:
    def test_another_key(self, emulator: RunningEmulator) -> None:
        wrong = emulator.connection_string.replace(KEY, f"{KEY[:-4]}AA==")
        with (
            TableServiceClient.from_connection_string(wrong, retry_total=0) as client,
            pytest.raises(ClientAuthenticationError) as problem,
        ):
            client.create_table("mine")
        assert problem.value.status_code == 403

    def test_another_account(self, emulator: RunningEmulator) -> None:
        endpoint = f"http://127.0.0.1:{emulator.port}/devstoreaccount1"
        other = AzureNamedKeyCredential("somebody", KEY)
        with (
            TableServiceClient(endpoint, credential=other, retry_total=0) as client,
            pytest.raises(ClientAuthenticationError),
        ):
            list(client.list_tables())

    def test_what_is_not_there(self, account: TableServiceClient) -> None:
        """Transactions and settings of the service: the emulator says so, and does nothing."""
        with pytest.raises(HttpResponseError) as problem:
            account.get_table_client("there").submit_transaction([("create", ROW)])
        assert problem.value.status_code == 501
        with pytest.raises(HttpResponseError) as problem:
            account.get_service_properties()
        assert problem.value.status_code == 501


def test_one_of_many_inserts(emulator: RunningEmulator, table: TableClient) -> None:
    """Eight clients with connections of their own, at the same moment."""

    async def race() -> list[str]:
        async def insert(client: AsyncTableClient, number: int) -> str:
            try:
                await client.create_entity({**ROW, "owner": number})
            except ResourceExistsError:
                return "busy"
            return "new"

        clients = [
            AsyncTableClient.from_connection_string(emulator.connection_string, table.table_name) for _ in "x" * 8
        ]
        results = await asyncio.gather(*(insert(client, number) for number, client in enumerate(clients)))
        for client in clients:
            await client.close()
        return results

    assert sorted(asyncio.run(race())) == ["busy"] * 7 + ["new"]


def test_one_of_many_updates(emulator: RunningEmulator, table: TableClient) -> None:
    """Counting by read and conditional write loses nothing, however many do it."""
    table.create_entity({**ROW, "count": 0})

    def count() -> None:
        with TableClient.from_connection_string(emulator.connection_string, table.table_name) as client:
            for _ in range(25):
                while True:
                    found = client.get_entity("p", "r")
                    change = {**ROW, "count": found["count"] + 1}
                    try:
                        client.update_entity(change, etag=etag(found), match_condition=UNCHANGED)
                    except ResourceModifiedError:
                        continue
                    break

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.get_entity("p", "r")["count"] == 100
