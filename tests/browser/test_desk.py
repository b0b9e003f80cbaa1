"""What an agent enters and looks up during a call by keyboard, and what supervisors and others see of it."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import Page, expect
from sqlalchemy import update

from acd.tables import Voicemail
from crm_core.todos.tables import Todo
from tests.browser.screens import VIP, VIP_NAME, Screens, pop_in_state, state_bar
from tests.databases import database_at
from tests.integration.workplace import Workplace
from zongji.demo.agent import DemoAgent


async def test_a_note_left_during_the_call_stands_on_the_supervisors_page(
    work: Workplace, screens: Screens, talking: Page
) -> None:
    desk = await screens.log_in("supervisor")
    name = (await work.board.request("GET", "/api/session"))["user"]["name"]
    await talking.keyboard.press("Alt+n")
    await expect(talking.get_by_test_id("note-text")).to_be_focused()
    await talking.get_by_test_id("note-to").select_option(label=name)
    await talking.get_by_test_id("note-text").focus()
    await talking.keyboard.type("客户要谈年度返利")
    await talking.keyboard.press("Control+Enter")
    await expect(talking.get_by_text("已留言给班长")).to_be_visible()
    await expect(talking.get_by_test_id("desk-form-note")).to_have_count(0)
    await talking.keyboard.press("Alt+n")
    await expect(talking.get_by_test_id("note-to").locator("option:checked")).to_have_text(name)
    alarm = desk.get_by_test_id("alarms").get_by_role("listitem").filter(has_text="年度返利")
    await alarm.get_by_role("button", name="查看：客户要谈年度返利").click()
    await expect(alarm.get_by_test_id("alarm-details")).to_contain_text(VIP_NAME)
    await expect(alarm.get_by_test_id("alarm-details")).to_contain_text("王芳 登记")
    await alarm.get_by_role("button", name="完成：客户要谈年度返利").click()
    await expect(alarm).to_have_count(0)


async def test_a_to_do_and_a_complaint_are_entered_without_the_mouse_and_show_in_the_pop(
    work: Workplace, talking: Page
) -> None:
    matters = talking.get_by_test_id("pop-open-matters")
    await talking.keyboard.press("Alt+t")
    await expect(talking.get_by_test_id("todo-title")).to_be_focused()
    await talking.keyboard.press("Enter")
    await expect(talking.get_by_text("请填写要做什么和时间")).to_be_visible()
    await talking.keyboard.type("寄年货样品")
    await talking.keyboard.press("Enter")
    todo = matters.get_by_role("listitem").filter(has_text="寄年货样品")
    await expect(todo).to_contain_text("王芳")
    await talking.keyboard.press("Alt+c")
    await expect(talking.get_by_test_id("complaint-category")).to_be_focused()
    await talking.get_by_test_id("complaint-category").select_option("delivery_late")
    await talking.get_by_role("radio", name="严重").check()
    await talking.get_by_test_id("complaint-text").focus()
    await talking.keyboard.type("晚到三天")
    await talking.keyboard.press("Control+Enter")
    complaint = matters.get_by_role("listitem").filter(has_text="投诉").first
    for words in ("严重", "未分派", "待受理"):
        await expect(complaint).to_contain_text(words)
    await talking.keyboard.press("Alt+c")
    await talking.keyboard.press("Escape")
    await expect(talking.get_by_test_id("desk-form-complaint")).to_have_count(0)
    await expect(pop_in_state(talking, "talking")).to_be_visible()


async def test_a_complaint_that_was_handled_goes_from_the_open_matters_to_the_history(
    work: Workplace, talking: Page
) -> None:
    found = await work.board.request("GET", f"/api/customers?q={VIP}")
    wanted = {"category_code": "delivery_late", "description": "少送一箱", "severity": 1}
    customer = {"customer_id": found["items"][0]["id"]}
    made = await work.board.request("POST", "/api/complaints", wanted | customer)
    path = f"/api/complaints/{made['complaint']['id']}"
    matters = talking.get_by_test_id("pop-open-matters").get_by_role("listitem")
    mine = matters.filter(has_text="轻微")
    await expect(mine).to_contain_text("未分派")
    taken = (await work.board.request("POST", f"{path}/take"))["complaint"]
    await expect(mine).to_contain_text(taken["handler_name"])
    settled = {"version": taken["version"], "resolution": "已补发"}
    await work.board.request("POST", f"{path}/resolve", settled)
    await expect(mine).to_have_count(0)
    await talking.get_by_role("tab", name="投诉记录").click()
    past = talking.get_by_test_id("pop-past-complaints")
    await expect(past).to_contain_text("轻微")
    await expect(past).to_contain_text(taken["handler_name"])


async def test_a_question_is_asked_during_the_call_and_its_answer_comes_by_itself(
    screens: Screens, talking: Page
) -> None:
    desk = await screens.log_in("supervisor")
    await talking.keyboard.press("Alt+q")
    await expect(talking.get_by_test_id("ask-text")).to_be_focused()
    await talking.keyboard.type("糖尿病人能喝这款饮料吗？")
    await talking.keyboard.press("Control+Enter")
    asked = talking.get_by_test_id("questions").get_by_role("listitem").filter(has_text="糖尿病人")
    await expect(asked).to_contain_text("等待答复")
    waits = desk.get_by_test_id("questions").get_by_role("listitem").filter(has_text="糖尿病人")
    await expect(waits).to_contain_text("王芳")
    await waits.get_by_test_id("answer-text").fill("含糖，不建议。")
    await waits.get_by_test_id("answer-text").press("Enter")
    await expect(waits).to_have_count(0)
    fresh = talking.get_by_test_id("fresh-answers")
    await expect(fresh).to_contain_text("含糖，不建议。")
    await fresh.get_by_role("button", name="知道了").click()
    await expect(fresh).to_have_count(0)
    await expect(asked.get_by_test_id("answer")).to_have_text("含糖，不建议。")
    await talking.reload()
    await expect(asked.get_by_test_id("answer")).to_be_visible()
    await expect(fresh).to_have_count(0)


async def test_the_knowledge_base_is_searched_by_initials_used_and_judged(
    work: Workplace, talking: Page
) -> None:
    (category, *_) = (await work.board.request("GET", "/api/knowledge/categories"))["items"]
    wanted = {
        "title": "小站稻的保存",
        "category_code": category["code"],
        "body": "阴凉干燥处，\n开袋后两个月内吃完。",
        "state": "published",
    }
    path = "/api/knowledge/entries"
    entry = (await work.board.request("POST", path, wanted))["entry"]
    await talking.keyboard.press("Alt+k")
    await expect(talking.get_by_test_id("knowledge-search")).to_be_focused()
    await talking.keyboard.type("xzd")
    await expect(talking.get_by_test_id("knowledge-hit").first).to_contain_text("小站稻的保存")
    await talking.keyboard.press("Enter")
    shown = talking.get_by_test_id("knowledge-entry")
    await expect(shown).to_contain_text("开袋后两个月内吃完。")
    await shown.get_by_role("button", name="用上了").press("Enter")
    await expect(shown.get_by_role("button", name="已记录")).to_be_disabled()
    await shown.get_by_role("button", name="有帮助").press("Enter")
    await expect(shown.get_by_role("button", name="已评价")).to_be_disabled()
    now = (await work.board.request("GET", f"{path}/{entry['id']}"))["entry"]
    assert (now["uses"], now["helpful"]) == (1, 1)


async def test_a_supervisor_opens_an_escalated_alarm_and_takes_it_over(
    work: Workplace, screens: Screens
) -> None:
    agent, desk = await work.reopen("agent1"), await screens.log_in("supervisor")
    await entered(agent, "报价给李总", ago=timedelta(hours=2), note="含运费")
    alarm = desk.get_by_test_id("alarms").get_by_role("listitem").filter(has_text="报价给李总")
    await expect(alarm).to_contain_text("王芳 未完成")
    await expect(alarm.get_by_role("button", name="完成：报价给李总")).to_have_count(0)
    await alarm.get_by_role("button", name="查看：报价给李总").click()
    await expect(alarm.get_by_test_id("alarm-details")).to_contain_text("含运费")
    await alarm.get_by_role("button", name="接手：报价给李总").click()
    await alarm.get_by_role("button", name="完成：报价给李总").click()
    await expect(alarm).to_have_count(0)


async def test_who_has_no_telephone_has_a_desk_with_the_own_alarms(
    work: Workplace, screens: Screens
) -> None:
    stack = work.stack
    operations = DemoAgent(stack.address, "operations", stack.password("operations"), page="")
    await operations.sign_in()
    await entered(operations, "核对运价表", ago=timedelta(minutes=1))
    await operations.close()
    desk = await screens.log_in("operations")
    alarms = desk.get_by_test_id("alarms")
    await expect(alarms).to_contain_text("核对运价表")
    await expect(state_bar(desk)).to_have_count(0)
    await expect(desk.get_by_test_id("callback-list")).to_have_count(0)
    await alarms.get_by_role("button", name="完成：核对运价表").click()
    await expect(desk.get_by_text("没有到时的代办")).to_be_visible()
    await desk.goto("/board")
    await desk.get_by_role("link", name="座席工作台").click()
    await expect(desk.get_by_test_id("knowledge")).to_be_visible()


async def test_every_key_is_in_the_help(screens: Screens) -> None:
    page = await screens.log_in("agent1")
    await expect(state_bar(page)).to_be_visible()
    await page.keyboard.press("?")
    for action in ("给班长留言", "登记代办", "登记投诉", "搜索知识库", "问班长"):
        await expect(page.get_by_test_id("help")).to_contain_text(action)


async def test_a_to_do_whose_message_the_policy_removed_says_so(
    work: Workplace, screens: Screens
) -> None:
    agent, desk = await work.reopen("agent1"), await screens.log_in("supervisor")
    await entered(agent, "听取留言：李总", ago=timedelta(hours=2))
    todo = await _message_removed(work, "听取留言：李总", "ab" * 16)
    alarm = desk.get_by_test_id("alarms").get_by_role("listitem").filter(has_text="听取留言：李总")
    await alarm.get_by_role("button", name="查看：听取留言：李总").click()
    await expect(alarm.get_by_test_id("voicemail-removed")).to_contain_text("留言已按保存期限")
    await expect(alarm.get_by_test_id("voicemail-sound")).to_have_count(0)
    path = f"/api/todos/{todo}"
    version = (await agent.request("GET", path))["todo"]["version"]
    await agent.request("POST", f"{path}/complete", {"version": version})
    await expect(alarm).to_have_count(0)


async def _message_removed(work: Workplace, title: str, call_id: str) -> int | None:
    """This to-do, whose id it gives, is of a message whose time was over."""
    database, now = database_at(work.stack.postgres.url()), datetime.now(UTC)
    async with database.begin() as session:
        of_message = {"source_kind": "voicemail", "source_reference": call_id, "call_id": call_id}
        todo = await session.scalar(
            update(Todo).where(Todo.title == title).values(**of_message).returning(Todo.id)
        )
        message = Voicemail(call_id=call_id, queue="north", path="gone.wav", seconds=9.0)
        message.size_bytes, message.stored_at, message.todo_id = 9, now, todo
        message.removed_at, message.file_removed = now, True
        session.add(message)
    await database.close()
    return todo


async def entered(by: DemoAgent, title: str, *, ago: timedelta, **more: str) -> None:
    """A to-do that was due some time ago."""
    due = (datetime.now(UTC) - ago).isoformat()
    await by.request("POST", "/api/todos", {"title": title, "due_at": due} | more)
